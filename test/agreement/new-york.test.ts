import { expect, test } from 'vitest';
import { agree } from './agree.js';

const size = { members: 2000, conversations: 20_000 } as const;

// An ordinary day; the first one after the clocks went back; a leap day around midnight.
test.each(['2026-10-15T15:00:00Z', '2026-11-02T13:00:00Z', '2028-02-29T04:30:00Z'])(
  'in New York at %s every row of every report of 2,000 members is what the specification says',
  async (at) => {
    const [rows = 0] = await agree({ ...size, seed: Date.parse(at) / 1000, zone: 'America/New_York', at });
    expect(rows).toBeGreaterThan(100_000);
  },
);
