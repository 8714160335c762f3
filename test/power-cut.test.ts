import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openLogFile } from '../src/store/sqlite/log-sync.js';
import { temporaryDirectory } from './support/command-line.js';
import { createHarness, type Harness } from './support/harness.js';

const AT = '2026-10-15T15:00:00Z';
const AT_SECONDS = Date.parse(AT) / 1000;

/** What the disk is sure to have: database and log as they were when the last forced write began that has ended. */
function watchDisk(): { readonly openLog: typeof openLogFile; readonly cutPower: () => string } {
  const directory = temporaryDirectory();
  let images = 0;
  let safe: string | null = null;
  /** By a process of its own: closing the database file in this one would end SQLite's locks on it. */
  const copy = (from: string): string => {
    const to = join(directory, `${(images += 1)}.db`);
    execFileSync('sh', ['-c', 'cp "$0" "$1" && cp "$0-wal" "$1-wal"', from, to]);
    return to;
  };
  return {
    openLog: (path) => {
      const file = openLogFile(path);
      return {
        ...file,
        force: async () => {
          const image = copy(path.replace(/-wal$/, ''));
          await file.force();
          safe = image;
        },
        forceNow: () => {
          file.forceNow();
          safe = copy(path.replace(/-wal$/, ''));
        },
      };
    },
    cutPower: () => {
      if (safe === null) throw new Error('nothing was ever forced to disk');
      return copy(safe);
    },
  };
}

function addMembers({ workspace }: Harness, count: number): string[] {
  return Array.from({ length: count }, (_, number) => {
    const { id } = workspace.addContact({
      externalId: `M-${number}`,
      name: 'Invented Member',
      customAttributes: {
        'Enrolled Date': AT_SECONDS - 60 * 86_400,
        ...(number % 2 === 0 ? {} : { 'First Session Date': AT_SECONDS - 40 * 86_400 }),
      },
    });
    return id;
  });
}

function closeCallOf({ workspace }: Harness, contactId: string): void {
  const { id } = workspace.addConversation({ contactIds: [contactId], startedBy: 'admin' });
  workspace.closeConversation(id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
}

function answered({ workspace }: Harness): string[] {
  const delivered = workspace.webhooks.deliveries.filter(({ outcome }) => outcome === 'delivered');
  return delivered.flatMap(({ notificationId }) => (notificationId === null ? [] : [notificationId]));
}

function look<Row>(path: string, statement: string): Row[] {
  const database = new Database(path, { readonly: true });
  try {
    return database.prepare<[], Row>(statement).all();
  } finally {
    database.close();
  }
}

/** Starts again on what the power cut has left, beside `before`, which answers for Intercom. */
async function startAgain(image: string): Promise<Harness> {
  const after = await createHarness({ at: AT, listens: false, database: image });
  await after.store.releaseDeadLeases(() => true);
  return after;
}

function expectKnown(image: string, ids: readonly string[]): void {
  const rows = look<{ key: string; status: string }>(
    image,
    'select dedupe_key as key, status from inbox where has_payload = 1',
  );
  const status = new Map(rows.map((row) => [row.key, row.status]));
  expect(ids.filter((id) => !['done', 'ignored'].includes(status.get(id) ?? 'lost'))).toEqual([]);
}

test('a power cut right after the answer: what was answered 200 is there, and is applied and written', async () => {
  const disk = watchDisk();
  const before = await createHarness({ at: AT, openLog: disk.openLog });
  const members = addMembers(before, 6);
  await before.backfill();
  await before.settle();
  for (const id of members) closeCallOf(before, id);
  await before.workspace.webhooks.drained();
  const ids = answered(before);
  const image = disk.cutPower();
  expect(await before.wrongAttributes()).not.toEqual([]);

  const after = await startAgain(image);
  await after.settle();
  expect(await before.wrongAttributes()).toEqual([]);
  expectKnown(image, ids);
});

test('power cuts while requests to Intercom are under way: nothing is lost, written twice or forgotten to be our own', async () => {
  const disk = watchDisk();
  const cuts: { readonly image: string; readonly ids: readonly string[] }[] = [];
  const before: Harness = await createHarness({
    at: AT,
    openLog: disk.openLog,
    wrapIntercom: (intercom) => ({
      ...intercom,
      updateContact: async (id, attributes, options) => {
        const answer = await intercom.updateContact(id, attributes, options);
        // It is in Intercom; nothing that follows from it is stored.
        if (hasBegun) cuts.push({ image: disk.cutPower(), ids: answered(before) });
        return answer;
      },
    }),
  });
  let hasBegun = false;
  onTestFinished(() => {
    hasBegun = false;
  });
  const members = addMembers(before, 6);
  await before.backfill();
  await before.settle();
  hasBegun = true;
  for (const id of members) {
    closeCallOf(before, id);
    await before.settle();
  }
  cuts.push({ image: disk.cutPower(), ids: answered(before).slice(0, -1) });
  hasBegun = false;
  expect(cuts.length).toBeGreaterThan(members.length);
  expect(await before.wrongAttributes()).toEqual([]);
  const { writes } = before.workspace.calls;

  for (const [index, { image, ids }] of cuts.entries()) {
    const written = members.slice(0, index + 1);
    const after = await startAgain(image);
    await after.settle();
    expectKnown(image, ids);
    // Whose First Session Date was empty: it is ours, and follows when the call turns out to be none.
    const ours = look<{ id: string }>(
      image,
      'select id from contacts where own_first_session_at is not null order by id',
    ).map(({ id }) => id);
    expect(ours).toEqual(written.filter((_, number) => number % 2 === 0).toSorted());
  }
  expect(before.workspace.calls.writes).toBe(writes);
  expect(await before.wrongAttributes()).toEqual([]);
});
