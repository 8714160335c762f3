import { expect, test } from 'vitest';
import { agree } from './agree.js';

const SIZE = { members: 2000, conversations: 20_000 } as const;

test.each([[1, 'America/New_York', '2026-10-15T15:00:00Z']])(
  'seed %i in %s at %s: every row of every report is what the specification says',
  async (seed, zone, at) => {
    expect(await agree({ ...SIZE, seed, zone, at })).toBeGreaterThan(0);
  },
);
