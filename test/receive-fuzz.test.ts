import { expect, test } from 'vitest';
import { fuzzReceiving } from './support/fuzz-receiving.js';

// `npm run test:safety` tries 10,000.
test('some hundred broken webhooks: each is answered, no unsigned one stored, what was stored is settled', async () => {
  const { stored } = await fuzzReceiving(300);
  expect(Object.keys(stored)).toContain('parked');
});
