import { expect } from 'vitest';
import { createHarness } from '../support/harness.js';
import { compareMembers } from './compare-members.js';
import { compareReports } from './compare-reports.js';
import { generateWorkspace, readWorld, type GeneratedSize } from './generated-workspace.js';
import { plainMembers } from './plain-member.js';

export interface Agreement extends GeneratedSize {
  readonly seed: number;
  readonly zone: string;
  /** When it is asked first, an ISO instant. */
  readonly at: string;
}

const BACKFILL_DAYS = 365;

/**
 * Fills a workspace, lets the service fill its cache from it, and compares every row of every report with the plain
 * computation; again after coaches have been at work and after days have passed. Nothing is written to Intercom.
 * @returns how many rows were compared.
 */
export async function agree({ seed, zone, at, ...size }: Agreement): Promise<number> {
  const harness = await createHarness({ at, dryRun: true, timeZone: zone });
  const { workspace, clock } = harness;
  const nameParts = generateWorkspace(workspace, size, { seed, zone });
  const knownFromAt = workspace.state.nowAt() - BACKFILL_DAYS * 86_400;
  await harness.backfill(BACKFILL_DAYS);
  const world = readWorld(workspace, { zone, knownFromAt, nameParts });
  const members = plainMembers(world);
  const rows = await compareReports(harness, { world, members });
  await compareMembers(harness, { world, members }, Math.ceil(size.members / 200));

  clock.advance(0);
  expect(rows).toBeGreaterThan(size.conversations);
  return rows;
}
