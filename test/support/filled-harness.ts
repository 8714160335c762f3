import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { populate, type Population } from '../../src/sandbox/population.js';
import type { ContactRecord } from '../../src/sandbox/records.js';
import type { Workspace } from '../../src/sandbox/workspace.js';
import { createHarness, type Harness, type HarnessOptions } from './harness.js';

/** What a workspace is filled with: the same each time, so that its cache is filled once and copied from then on. */
export interface Filling {
  /** Tells it from every other one. */
  readonly name: string;
  readonly fill: (workspace: Workspace) => void;
}

export type FilledOptions = Pick<HarnessOptions, 'at' | 'timeZone' | 'workspace' | 'database' | 'exportDir'>;

/** What the backfill has made of a filling: its cache, and the contacts with what was written to them. */
interface Filled {
  readonly database: string;
  readonly contacts: readonly ContactRecord[];
  /** How long it took by the clock of the test. */
  readonly tookMs: number;
}

const filled = new Map<string, Filled>();
let directory: string | null = null;

/** An invented population as a filling. */
export function populated(population: Population): Filling {
  return { name: JSON.stringify(population), fill: (workspace) => void populate(workspace, population) };
}

/**
 * The service after its backfill. The first of a kind does all of it; those that follow begin with a copy of its cache
 * and of what it wrote to Intercom, and have made no call yet.
 */
export async function createFilledHarness(filling: Filling, options: FilledOptions = {}): Promise<Harness> {
  const { at, timeZone, workspace: settings } = options;
  const key = JSON.stringify([filling.name, at, timeZone, settings]);
  const before = filled.get(key);
  const harness = await createHarness({
    ...options,
    ...(before === undefined ? {} : { copyOf: before.database }),
  });
  const { workspace, clock, databasePath } = harness;
  if (before === undefined) {
    const startedAtMs = clock.nowMs();
    filling.fill(workspace);
    await harness.backfill();
    filled.set(key, {
      database: keepCopy(databasePath),
      contacts: workspace.contacts(),
      tookMs: clock.nowMs() - startedAtMs,
    });
  } else {
    // What is told of the filling is in the cache.
    workspace.webhooks.deliverTo(() => new Response(null, { status: 200 }));
    filling.fill(workspace);
    await workspace.webhooks.drained();
    workspace.webhooks.deliverTo((request) => harness.app.fetch(request));
    clock.advance(before.tookMs);
    for (const contact of before.contacts) workspace.state.contacts.put(contact);
  }
  return harness;
}

function keepCopy(databasePath: string): string {
  if (directory === null) {
    const made = mkdtempSync(join(tmpdir(), 'engagement-filled-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    directory = made;
  }
  const copy = join(directory, `${filled.size}.db`);
  const sqlite = new Database(databasePath, { readonly: true });
  sqlite.prepare('vacuum into ?').run(copy);
  sqlite.close();
  chmodSync(copy, 0o600);
  return copy;
}
