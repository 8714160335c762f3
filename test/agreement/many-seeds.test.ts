import { expect, test } from 'vitest';
import { agree } from './agree.js';

const size = { members: 80, conversations: 800 } as const;
/** More of them for one run: `AGREEMENT_SEEDS=200 npm run test:agreement`. */
const SEEDS = Number(process.env['AGREEMENT_SEEDS'] ?? 8);
const ZONES = [
  'America/New_York',
  'Europe/London',
  'America/St_Johns',
  'Pacific/Auckland',
  'UTC',
  'Asia/Tokyo',
];
const MOMENTS = [
  '2026-03-08T06:59:59Z',
  '2026-03-09T03:59:59Z',
  '2026-03-31T16:00:00Z',
  '2026-10-31T23:30:00Z',
  '2026-11-01T05:30:00Z',
  '2027-01-01T04:59:59Z',
  '2027-01-01T05:00:00Z',
  '2026-06-30T12:00:00Z',
];

test.each(Array.from({ length: SEEDS }, (_, seed) => seed))(
  'seed %i: every row of every report is what the specification says',
  async (seed) => {
    const zone = ZONES[seed % ZONES.length] ?? 'UTC';
    const at = MOMENTS[seed % MOMENTS.length] ?? '2026-06-30T12:00:00Z';
    const [rows = 0] = await agree({ ...size, seed, zone, at });
    expect(rows).toBeGreaterThan(size.conversations);
  },
);
