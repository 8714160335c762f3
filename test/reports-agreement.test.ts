import { expect, test } from 'vitest';
import { agree } from './agreement/agree.js';

test('every row of every report is what a plain computation of the specification says', async () => {
  const size = { members: 60, conversations: 600 } as const;
  const rows = await agree({ ...size, seed: 20, zone: 'America/New_York', at: '2026-11-01T15:00:00Z' });
  expect(rows[0]).toBeGreaterThan(size.conversations);
});
