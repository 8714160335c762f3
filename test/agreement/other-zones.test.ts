import { expect, test } from 'vitest';
import { agree } from './agree.js';

const size = { members: 2000, conversations: 20_000 } as const;

// Half an hour off; a clock change of half an hour; one at midnight, so that the day begins at 01:00.
test.each([
  ['Asia/Kolkata', '2026-12-31T18:30:00Z'],
  ['Australia/Lord_Howe', '2026-10-04T20:00:00Z'],
  ['America/Santiago', '2026-09-06T04:00:00Z'],
])(
  'in %s at %s every row of every report of 2,000 members is what the specification says',
  async (zone, at) => {
    const [rows = 0] = await agree({ ...size, seed: Date.parse(at) / 1000, zone, at });
    expect(rows).toBeGreaterThan(100_000);
  },
);
