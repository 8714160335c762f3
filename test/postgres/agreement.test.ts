import { expect, onTestFinished, test } from 'vitest';
import { agree } from '../agreement/agree.js';
import { createDatabase } from '../support/postgres-server.js';

/* The same plain computation as of a SQLite file, in zones and at moments that are hard to count in. */

test.each([
  [11, 'America/New_York', '2026-03-08T06:59:59Z'],
  [12, 'Pacific/Auckland', '2026-10-31T23:30:00Z'],
  [13, 'America/St_Johns', '2027-01-01T04:59:59Z'],
])('seed %i in %s: every row of every report is what the specification says', async (seed, zone, at) => {
  const { url, drop } = await createDatabase();
  // After the harness, which closes what it has opened.
  onTestFinished(drop);
  const size = { members: 80, conversations: 800 };
  const [rows = 0] = await agree({ ...size, seed, zone, at, postgresUrl: url });
  expect(rows).toBeGreaterThan(size.conversations);
});
