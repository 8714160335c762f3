import { createHarness } from '../support/harness.js';
import { letCoachesWork } from './coaches-at-work.js';
import { compareMembers } from './compare-members.js';
import { compareReports } from './compare-reports.js';
import { generateWorkspace, readWorld, type GeneratedSize } from './generated-workspace.js';
import { plainMembers, type PlainMaintained } from './plain-member.js';

export interface Agreement extends GeneratedSize {
  readonly seed: number;
  readonly zone: string;
  /** When it is asked first, an ISO instant. */
  readonly at: string;
  /** An empty Postgres database in place of a file. */
  readonly postgresUrl?: string;
}

const BACKFILL_DAYS = 365;
const HOUR_MS = 3_600_000;
const MEMBERS_LOOKED_AT = 150;

/**
 * Fills a workspace, lets the service fill its cache from it, and compares every row of every report with the plain
 * computation; again after coaches have been at work, and once more a month later, when statuses have changed by
 * themselves. Nothing is written to Intercom.
 * @returns how many rows were compared each time.
 */
export async function agree({ seed, zone, at, postgresUrl, ...size }: Agreement): Promise<readonly number[]> {
  const rateLimit = { perWindow: 1_000_000, windowMs: 10_000 };
  const harness = await createHarness({
    at,
    dryRun: true,
    timeZone: zone,
    workspace: { rateLimit },
    ...(postgresUrl === undefined ? {} : { postgresUrl }),
  });
  const { workspace, clock } = harness;
  const nameParts = generateWorkspace(workspace, size, { seed, zone });
  const knownFromAt = workspace.state.nowAt() - BACKFILL_DAYS * 86_400;
  let alsoKnown: ReadonlySet<string> = new Set();
  let before: ReadonlyMap<string, PlainMaintained> = new Map();

  const compare = async (turn: number): Promise<number> => {
    const world = readWorld(workspace, { zone, knownFromAt, alsoKnown, nameParts });
    const members = plainMembers(world, before);
    before = new Map(members.map(({ contact, maintained }) => [contact.id, maintained]));
    await compareMembers(harness, { world, members }, Math.ceil(size.members / MEMBERS_LOOKED_AT));
    return compareReports(harness, { world, members }, turn);
  };

  await harness.backfill(BACKFILL_DAYS);
  const rows = [await compare(0)];
  // In the same second, so that it doesn't matter which of several acts changed a status.
  alsoKnown = letCoachesWork(workspace, nameParts, { acts: 50 + Math.ceil(size.members / 10), seed });
  await harness.settle();
  rows.push(await compare(1));
  clock.advance(29 * 24 * HOUR_MS + 5 * HOUR_MS);
  await harness.settle();
  rows.push(await compare(2));
  return rows;
}
