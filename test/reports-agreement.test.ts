import { expect, test } from 'vitest';
import { agree } from './agreement/agree.js';

test('every row of every report is what a plain computation of the specification says', async () => {
  const size = { members: 120, conversations: 1200 } as const;
  expect(
    await agree({ ...size, seed: 20, zone: 'America/New_York', at: '2026-11-01T15:00:00Z' }),
  ).toBeGreaterThan(0);
});
