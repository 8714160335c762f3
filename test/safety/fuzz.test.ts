import { expect, test } from 'vitest';
import { fuzzReceiving } from '../support/fuzz-receiving.js';

const CASES = 10_000;
/** Generous: what grows with every request would be many times this after thousands. */
const MAX_GROWTH_MB = 40;

test('ten thousand broken webhooks: no failure, no unsigned body stored, memory flat, all that was stored settled', async () => {
  const { heapMb, stored } = await fuzzReceiving(CASES);
  process.stdout.write(
    `memory after each quarter ${heapMb.join(', ')} MB; stored ${JSON.stringify(stored)}\n`,
  );
  expect(stored['parked']).toBeGreaterThan(CASES / 20);
  expect((heapMb.at(-1) ?? Infinity) - (heapMb[0] ?? 0)).toBeLessThan(MAX_GROWTH_MB);
});
