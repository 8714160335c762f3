import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import type { CacheSlice } from '../../src/store/plan/slice.js';
import { META_READERS } from '../../src/store/meta-values.js';
import { subjectOf, type CacheChange } from '../../src/store/ports/changes.js';
import { keyOf } from '../../src/store/ports/subject.js';
import type { OpenRun, RunPage } from '../../src/store/ports/runs.js';
import type { OwnSettings } from '../../src/store/ports/service-settings.js';
import type { CoreParts, MetaPart } from '../../src/store/postgres/core-parts.js';
import { createDatabase, type Database, type Query } from '../../src/store/postgres/database.js';
import { migratePostgres } from '../../src/store/postgres/migrations.js';
import { createPool } from '../../src/store/postgres/pool.js';
import { bringInStep } from '../../src/store/postgres/rebuild-derived.js';
import { createRest } from '../../src/store/postgres/rest.js';
import { guardUnits, watchSettings } from '../../src/store/postgres/settings-fit.js';
import { createTableRows } from '../../src/store/postgres/table-rows.js';
import { ALL_TABLES } from '../../src/store/tables/all-tables.js';
import { createDatabase as makeDatabase } from '../support/postgres-server.js';

/* Everything but the cache, on tables that are filled by hand. */

const NEW_YORK = 'America/New_York';
const NOW_AT = 1_790_000_000;
const NOW_MS = NOW_AT * 1000;
const LEASE_MS = 60_000;
const DAY_MS = 86_400_000;
const DURABLY = { isDurable: true } as const;

const META = createTableRows(ALL_TABLES.meta, ['name']);
const INBOX = createTableRows(ALL_TABLES.inbox, ['id']);
const OUTBOX = createTableRows(ALL_TABLES.outbox, ['contactId']);
const WRITES = createTableRows(ALL_TABLES.writes, ['id']);
const CONTACTS = createTableRows(ALL_TABLES.contacts, ['id']);
const CONVERSATIONS = createTableRows(ALL_TABLES.conversations, ['id']);
const MEMBERS = createTableRows(ALL_TABLES.members, ['contactId']);
const REPORTED = createTableRows(ALL_TABLES.reportedMembers, ['contactId']);
const LIFECYCLES = createTableRows(ALL_TABLES.lifecycles, ['kind', 'id']);

const meta: MetaPart = {
  read: async (query, names) => {
    const rows = await META.find(query, 'name = any (@names)', { names });
    const held = new Map(rows.map(({ name, value }) => [name, value]));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each name with the value of its own reader
    return Object.fromEntries(names.map((name) => [name, META_READERS[name](held.get(name))])) as never;
  },
  save: async (unit, values) => {
    await META.put(
      unit,
      Object.entries(values).map(([name, value]) => ({ name, value })),
    );
  },
};

let bare: Database;
let database: Database;
let store: ReturnType<typeof createRest>;
let rung: string[];
let drop: () => Promise<void>;
let another: () => Database;

beforeEach(async () => {
  const made = await makeDatabase(inject('postgresUrl'));
  const opened: Database[] = [];
  another = () => {
    const made2 = createDatabase(createPool({ url: made.url, applicationName: 'test', maxConnections: 4 }));
    opened.push(made2);
    return made2;
  };
  drop = async () => {
    for (const one of opened) await one.close();
    await made.drop();
  };
  const pool = createPool({ url: made.url, applicationName: 'test', maxConnections: 1 });
  await migratePostgres(pool, { mayMigrate: true });
  await pool.end();
  bare = another();
  await bringInStep(bare, meta, { timeZone: NEW_YORK }, 'service');
  rung = [];
  store = openStore(bare);
});
afterEach(() => drop());

/** @param aheadMs how much the clock of the process is ahead of the engine's */
function openStore(
  on: Database,
  own: OwnSettings = { timeZone: NEW_YORK },
  aheadMs = 0,
): ReturnType<typeof createRest> {
  const whyUnfit = watchSettings(own);
  database = guardUnits(on, whyUnfit);
  const core: CoreParts = {
    meta,
    time: { at: async (_, callerMs) => callerMs - aheadMs, fromCaller: (callerMs) => callerMs - aheadMs },
    loadSlice: (query, { changes }) => sliceOf(query, changes),
    lockContacts: async () => undefined,
    addRereads: async (unit, rereads) => {
      for (const { dedupeKey, origin, subject, lane, dueAtMs } of rereads) {
        await unit.run(
          `insert into inbox (origin, dedupe_key, subject_kind, subject_id, lane, received_at_ms, status, due_at_ms, attempts)
           values (@origin, @dedupeKey, @kind, @id, @lane, @dueAtMs, 'waiting', @dueAtMs, 0)`,
          { origin, dedupeKey, ...subject, lane, dueAtMs },
        );
      }
    },
    ring: (kind) => rung.push(kind),
  };
  return createRest({ ...core, database, whyUnfit });
}

/** What a cache holds that knows nobody, but what became of these objects. */
async function sliceOf(query: Query, changes: readonly CacheChange[]): Promise<CacheSlice> {
  const subjects = changes.map(subjectOf);
  const ids = subjects.map(({ id }) => id);
  const rows = await LIFECYCLES.find(query, 'id = any (@ids)', { ids });
  const known = new Map(rows.map((row) => [keyOf(row), row]));
  return {
    timeZone: NEW_YORK,
    coverageFromAt: null,
    contacts: new Map(),
    conversations: new Map(ids.map((id) => [id, null])),
    lifecycles: new Map(subjects.map((one) => [keyOf(one), known.get(keyOf(one)) ?? null])),
    families: new Map(),
    sent: [],
    parked: new Map(subjects.map((one) => [keyOf(one), null])),
    parkedOfAnybody: 0,
  };
}

const progress = { phase: 'contacts', done: 1, total: 2, contacts: 1, conversations: 0, calls: 1 };
const request = {
  job: 'sweep',
  owner: 'one',
  nowMs: NOW_MS,
  leaseMs: LEASE_MS,
  params: { days: 30 },
} as const satisfies OpenRun;

async function open(over: Partial<OpenRun> = {}) {
  const opened = await store.openRun({ ...request, ...over });
  if (opened.kind === 'busy') throw new Error('busy');
  return opened.run;
}

function pageOf(run: Awaited<ReturnType<typeof open>>, over: Partial<RunPage> = {}): RunPage {
  const place = { leaseUntilMs: NOW_MS + 2 * LEASE_MS, checkpoint: 'page 2', progress };
  return { runId: run.id, lease: run.lease, ...place, ...over };
}

describe('runs', () => {
  test('are unfinished one at a time, belong to one attempt, and go on where they were', async () => {
    const run = await open();
    expect(await store.openRun({ ...request, owner: 'other', nowMs: NOW_MS + 1 })).toMatchObject({
      kind: 'busy',
      run: { id: run.id, params: { days: 30 }, status: 'running', checkpoint: null },
    });
    await store.advanceRun(pageOf(run, { counted: { phase: 'contacts', entries: ['a', 'b', 'a'] } }));
    expect(await store.countEntries('contacts')).toBe(2);
    const late = { owner: 'other', nowMs: NOW_MS + 2 * LEASE_MS, leaseMs: LEASE_MS };
    expect(await store.adoptRun({ ...late, nowMs: late.nowMs - 1 })).toBeNull();
    const taken = await store.adoptRun(late);
    expect(taken).toMatchObject({
      id: run.id,
      checkpoint: 'page 2',
      progress,
      lease: { owner: 'other', token: 2 },
    });
    expect(await store.renewRun({ runId: run.id, lease: run.lease, leaseUntilMs: 0 })).toBe(false);
    await expect(store.advanceRun(pageOf(run))).rejects.toMatchObject({ code: 'run_in_progress' });
    const end = { runId: run.id, status: 'done', reason: null, nowMs: NOW_MS, progress } as const;
    await expect(store.finishRun({ ...end, lease: run.lease })).rejects.toMatchObject({
      code: 'run_in_progress',
    });
    if (taken === null) throw new Error('not taken');
    await store.finishRun({ ...end, lease: taken.lease, sweptUntilAt: NOW_AT - 5, completeAt: NOW_AT - 4 });
    expect(await store.countEntries('contacts')).toBe(0);
    const known = await bare.read((query) => meta.read(query, ['swept_at', 'swept_until_at', 'complete_at']));
    expect(known).toEqual({ swept_at: NOW_AT, swept_until_at: NOW_AT - 5, complete_at: NOW_AT - 4 });
  });

  test('that two processes begin at the same moment are one', async () => {
    const other = openStore(another());
    for (let round = 0; round < 20; round += 1) {
      const opened = await Promise.all([
        store.openRun(request),
        other.openRun({ ...request, owner: 'other' }),
      ]);
      expect(opened.map(({ kind }) => kind).toSorted()).toEqual(['busy', 'opened']);
      const run = opened.flatMap((one) => (one.kind === 'opened' ? [one.run] : []))[0];
      if (run === undefined) throw new Error('none has begun');
      const end = { status: 'failed', reason: 'x', nowMs: NOW_MS, progress } as const;
      await store.finishRun({ runId: run.id, lease: run.lease, ...end });
    }
  });

  test('are listed newest first by pages, and old ones go with their drift', async () => {
    const ids: string[] = [];
    for (const [at, job] of (['sweep', 'reconcile', 'sweep', 'sweep'] as const).entries()) {
      const nowMs = NOW_MS + at * DAY_MS;
      const run = await open({ job, nowMs, params: { dryRun: at === 3 } });
      const difference = {
        contactId: 'a',
        attribute: 'Last Call',
        before: null,
        after: 1,
        why: 'x',
      } as const;
      await store.keepDrift({ page: pageOf(run), differences: [difference] });
      const end = { status: 'done', reason: null, nowMs, progress } as const;
      await store.finishRun({ runId: run.id, lease: run.lease, ...end });
      ids.unshift(run.id);
    }
    const first = await store.listRuns({ limit: 3, after: null, jobs: [] });
    expect(first).toMatchObject({ total: 4, runs: ids.slice(0, 3).map((id) => ({ id })) });
    const second = await store.listRuns({ limit: 3, after: first.next, jobs: [] });
    expect(second).toMatchObject({ next: null, runs: [{ id: ids[3] }] });
    expect(await store.listRuns({ limit: 9, after: null, jobs: ['reconcile'] })).toMatchObject({ total: 1 });
    expect((await store.latestRun('sweep'))?.id).toBe(ids[0]);
    expect((await store.latestDoneRun(['sweep']))?.id, 'a dry run does nothing').toBe(ids[1]);
    const before = { sweepsBeforeMs: NOW_MS + 9 * DAY_MS, othersBeforeMs: NOW_MS + 9 * DAY_MS };
    while ((await store.pruneRuns(before)).hasMore);
    const left = await store.listRuns({ limit: 9, after: null, jobs: [] });
    expect(left.runs.map(({ id }) => id)).toEqual([ids[1], ids[2]]);
    expect((await store.listDrift({ runId: ids[0] ?? '', limit: 9, after: null })).total).toBe(0);
  });
});

describe('a process whose clock is ahead', () => {
  const AHEAD_MS = 10 * LEASE_MS;

  test('gets no run before its lease has ended, and has what is due when the others have it', async () => {
    const ahead = openStore(another(), { timeZone: NEW_YORK }, AHEAD_MS);
    await open();
    const late = { ...request, owner: 'ahead', nowMs: NOW_MS + AHEAD_MS };
    expect(await ahead.openRun(late)).toMatchObject({ kind: 'busy' });
    const taken = await ahead.openRun({ ...late, nowMs: late.nowMs + LEASE_MS });
    if (taken.kind === 'busy') throw new Error('busy');
    const page = pageOf(taken.run, { leaseUntilMs: late.nowMs + 3 * LEASE_MS });
    await ahead.keepDrift({ page, differences: [] });
    const adopt = { owner: 'one', nowMs: NOW_MS + 3 * LEASE_MS, leaseMs: LEASE_MS };
    expect(await store.adoptRun({ ...adopt, nowMs: adopt.nowMs - 1 })).toBeNull();
    expect(await store.adoptRun(adopt)).toMatchObject({ id: taken.run.id });
    const object = { kind: 'contact', id: 'a', field: 'role', likelyOwnerId: null, runId: null } as const;
    await ahead.parkObject({ ...object, nowMs: NOW_MS + AHEAD_MS });
    expect(await store.listDueObjects(NOW_MS + 5 * 60_000, 9)).toHaveLength(1);
    expect(await ahead.listDueObjects(NOW_MS + 5 * 60_000, 9)).toEqual([]);
    expect(await ahead.fixTimes({ nowMs: NOW_MS + AHEAD_MS, backMs: 0 })).toBe(0);
    expect(await store.fixTimes({ nowMs: NOW_MS, backMs: 0 })).toBe(0);
  });
});

describe('what a run finds', () => {
  const gone = (id: string): CacheChange => ({ kind: 'conversation-deleted', id });
  const seenAt = (id: string, updatedAt: number): CacheChange => ({
    kind: 'conversation',
    conversation: {
      id,
      updatedAt,
      contactId: null,
      createdAt: 1,
      state: 'open',
      channel: null,
      serviceCode: null,
      coachId: null,
      lastCloseAt: null,
    },
    authority: { kind: 'search' },
  });

  test('is kept where it is new, told by contacts, and forgotten at the end', async () => {
    const run = await open();
    await bare.unit(
      (unit) =>
        LIFECYCLES.put(unit, [
          { kind: 'conversation', id: 'known', state: 'deleted', at: 1, mergedIntoId: null },
        ]),
      DURABLY,
    );
    const changes = [seenAt('new', 9), seenAt('new', 8), gone('known')];
    await store.keepFound({
      page: pageOf(run),
      changes,
      seen: [{ kind: 'contact', id: 'a' }],
      nowMs: NOW_MS,
    });
    const found = { runId: run.id, scope: 'found', afterContactId: null, limit: 10 } as const;
    expect(await store.nextFound(found)).toEqual({
      contactIds: [],
      changes: [seenAt('new', 9)],
      lastContactId: ' ',
    });
    expect(await store.findRun(run.id)).toMatchObject({ checkpoint: 'page 2' });
    const end = { status: 'done', reason: null, nowMs: NOW_MS, progress } as const;
    await store.finishRun({ runId: run.id, lease: run.lease, ...end });
    expect((await store.nextFound(found)).changes).toEqual([]);
  });

  test('differs by pages, and names members by User ID', async () => {
    await knowMember('b', { externalId: 'M-2' });
    const run = await open();
    const difference = { attribute: 'Last Call', before: null, after: NOW_AT, why: 'a call' } as const;
    const differences = [
      { ...difference, contactId: 'b' },
      { ...difference, contactId: 'a', before: 'x' },
      { ...difference, contactId: 'a' },
    ];
    await store.keepDrift({ page: pageOf(run), differences });
    const first = await store.listDrift({ runId: run.id, limit: 1, after: null });
    expect(first).toEqual({
      differences: [{ ...difference, contactId: 'a', memberId: 'a' }],
      total: 2,
      next: 'a.Last Call',
    });
    expect(await store.listDrift({ runId: run.id, limit: 1, after: first.next })).toMatchObject({
      differences: [{ contactId: 'b', memberId: 'M-2' }],
      next: null,
    });
  });

  test('leaves what was not seen, a few at a time', async () => {
    await knowMember('a');
    await knowMember('b');
    const run = await open();
    const seen = [{ kind: 'contact', id: 'a' }] as const;
    await store.keepFound({ page: pageOf(run), changes: [], seen, nowMs: NOW_MS });
    const changed = { fromAt: 0, untilAt: NOW_AT };
    const look = (after: Parameters<typeof store.listUnseen>[0]['after']) =>
      store.listUnseen({ changed, after, limit: 2 });
    const members = await look(null);
    expect(members).toEqual({ subjects: [{ kind: 'contact', id: 'b' }], last: { kind: 'contact', id: 'b' } });
    const conversations = await look(members.last);
    expect(conversations.subjects).toEqual([
      { kind: 'conversation', id: 'call-of-a' },
      { kind: 'conversation', id: 'call-of-b' },
    ]);
    expect(await look(conversations.last)).toEqual({ subjects: [], last: null });
    expect(await store.countCached(NOW_AT)).toEqual({ members: 2, conversations: 0 });
    expect(await store.countSynced()).toBe(2);
  });

  test('tells since when webhooks are missing', async () => {
    const run = await open({ nowMs: NOW_MS - DAY_MS });
    await bare.unit(
      (unit) =>
        unit.run(
          `insert into sweep_found (kind, id, contact_id, updated_at, change) values ('contact', 'a', 'a', @at, '{}')`,
          { at: NOW_AT - 3600 },
        ),
      DURABLY,
    );
    await store.detectSilence(NOW_MS);
    const known = await bare.read((query) => meta.read(query, ['silent_since_at']));
    expect(known.silent_since_at).toBe(Math.floor(run.startedAtMs / 1000));
  });
});

describe("objects that can't be read", () => {
  const object = { kind: 'conversation', id: '1', field: 'state', likelyOwnerId: null, runId: null } as const;

  test('are parked with growing delays, once for each run', async () => {
    const park = (nowMs: number, runId: string | null = null) =>
      store.parkObject({ ...object, nowMs, runId });
    expect([
      await park(NOW_MS),
      await park(NOW_MS),
      await park(NOW_MS, 'run_1'),
      await park(NOW_MS, 'run_1'),
    ]).toEqual(['new', 'again', 'again', 'known']);
    const dueMs = NOW_MS + 20 * 60_000;
    expect(await store.listDueObjects(dueMs - 1, 9)).toEqual([]);
    expect(await store.listDueObjects(dueMs, 9)).toEqual([{ kind: 'conversation', id: '1' }]);
    expect(await store.findParkedObject(object, dueMs)).toMatchObject({
      field: 'state',
      isDue: true,
      runId: 'run_1',
    });
    expect(await store.countParkedObjects('conversation')).toBe(1);
    expect(await store.replay({ objects: [object, { kind: 'contact', id: 'not parked' }] }, NOW_MS)).toBe(1);
    const rows = await bare.read((query) => INBOX.find(query, 'true'));
    expect(rows).toMatchObject([
      { origin: 'reread', subjectId: '1', lane: 'conversation:1', dueAtMs: NOW_MS },
    ]);
  });

  test('without an id are settled by the end of a whole search', async () => {
    for (const [id, runId] of [
      ['#1', 'run_1'],
      ['#2', 'run_2'],
      ['3', 'run_1'],
    ] as const) {
      await store.parkObject({ ...object, id, runId, nowMs: NOW_MS });
    }
    expect(await store.listDueObjects(NOW_MS + DAY_MS, 9)).toEqual([{ kind: 'conversation', id: '3' }]);
    await store.releaseNameless('conversation', 'run_2');
    expect((await store.parked()).map(({ id }) => id)).toEqual(['#2', '3']);
  });
});

describe('what is parked', () => {
  test('is listed by pages, counted, and put back into the flow', async () => {
    await bare.unit(async (unit) => {
      await INBOX.put(unit, [
        entry({ id: 101, status: 'parked', settledAtMs: 10, reason: 'why' }),
        entry({ id: 102, status: 'parked', settledAtMs: 30 }),
      ]);
      await OUTBOX.put(unit, [
        outbox('a', { state: 'parked', parkedAtMs: 20, reason: 'refused' }),
        outbox('b'),
      ]);
      await WRITES.put(unit, [
        write(1, 'a'),
        write(2, 'b', { parkedAtMs: 30, reason: 'alone', attempts: 3 }),
      ]);
    }, DURABLY);
    await store.parkObject({
      kind: 'contact',
      id: 'c',
      field: 'role',
      likelyOwnerId: null,
      nowMs: 30,
      runId: null,
    });
    expect(await store.countParked()).toBe(5);
    const all = await store.parked();
    expect(all).toMatchObject([
      { kind: 'notification', id: '101', sinceMs: 10, reason: 'why' },
      { kind: 'write', id: 'a', reason: 'refused', attributes: ['Last Call'] },
      { kind: 'notification', id: '102', sinceMs: 30 },
      { kind: 'write', id: 'b', reason: 'alone', attempts: 3 },
      { kind: 'contact', id: 'c', reason: "role of the contact is missing or can't be read" },
    ]);
    const places = all.map(({ kind, id, sinceMs }) => `${sinceMs}.${kind}.${id}`);
    for (const [at, after] of places.entries()) {
      expect(await store.parked({ limit: 2, after })).toEqual(all.slice(at + 1, at + 3));
    }
    for (const after of ['30.notification.x', `9.notification.${'9'.repeat(40)}`, 'no place']) {
      expect(Array.isArray(await store.parked({ after }))).toBe(true);
    }
    expect(await store.replay('all', NOW_MS)).toBe(5);
    expect(rung).toEqual(['inbox', 'writes']);
    await bare.read(async (query) => {
      expect(await OUTBOX.find(query, 'true order by contact_id')).toMatchObject([
        { contactId: 'a', state: 'ready', reason: null, parkedAtMs: null },
        { contactId: 'b', state: 'ready', dueAtMs: NOW_MS },
      ]);
      expect(await WRITES.find(query, 'is_replayed and parked_at_ms is null')).toHaveLength(2);
      expect(await INBOX.find(query, "status = 'waiting' and settled_at_ms is null")).toHaveLength(3);
    });
    expect(await store.parked()).toMatchObject([{ kind: 'contact' }]);
  });
});

describe('upkeep', () => {
  test('erases payloads that are old enough, and deletes entries after them', async () => {
    const old = {
      receivedAtMs: NOW_MS - 60 * DAY_MS,
      settledAtMs: NOW_MS - 50 * DAY_MS,
      hasPayload: true,
    } as const;
    await bare.unit(async (unit) => {
      await INBOX.put(unit, [
        entry({ ...old, id: 1, status: 'done' }),
        entry({ ...old, id: 2, status: 'waiting', settledAtMs: null }),
        entry({ ...old, id: 3, status: 'parked', subjectId: null }),
        entry({ ...old, id: 4, status: 'parked', settledAtMs: NOW_MS }),
      ]);
      for (const id of [1, 2, 3, 4]) {
        await unit.run('insert into payloads (inbox_id, body, size) values (@id, @body, 3)', {
          id,
          body: new Uint8Array([1, 0, 2]),
        });
      }
    }, DURABLY);
    const before = { settledBeforeMs: NOW_MS - 45 * DAY_MS, parkedBeforeMs: NOW_MS - 180 * DAY_MS };
    expect(await store.pruneInbox(before), 'with a payload it stays').toEqual({ erased: 0, hasMore: false });
    expect(await store.eraseOldPayloads(NOW_MS - 30 * DAY_MS)).toBe(2);
    expect(await store.eraseOldPayloads(NOW_MS - 30 * DAY_MS)).toBe(0);
    const rows = await bare.read((query) => INBOX.find(query, 'true order by id'));
    expect(rows.map(({ status, hasPayload }) => [status, hasPayload])).toEqual([
      ['done', false],
      ['waiting', true],
      ['ignored', false],
      ['parked', true],
    ]);
    expect(await store.pruneInbox(before)).toEqual({ erased: 2, hasMore: false });
  });

  test('puts back every time that a wrong clock gave', async () => {
    const aheadMs = NOW_MS + 400 * DAY_MS;
    await knowMember('a', { seenAtMs: aheadMs }, { decidedAtMs: aheadMs });
    const run = await open({ nowMs: aheadMs, params: { startedAt: aheadMs / 1000 } });
    await bare.unit(async (unit) => {
      await INBOX.put(unit, [
        entry({ id: 1, status: 'waiting', receivedAtMs: aheadMs, dueAtMs: aheadMs + 5000 }),
      ]);
      await META.put(unit, [{ name: 'applied_at', value: aheadMs / 1000 }]);
    }, DURABLY);
    expect(await store.fixTimes({ nowMs: aheadMs, backMs: 0 })).toBe(0);
    expect(await store.fixTimes({ nowMs: NOW_MS, backMs: 0 })).toBeGreaterThan(5);
    expect(await store.fixTimes({ nowMs: NOW_MS, backMs: 0 })).toBe(0);
    expect(rung).toEqual(['inbox', 'writes', 'transitions']);
    await bare.read(async (query) => {
      expect(await INBOX.find(query, 'true')).toMatchObject([
        { receivedAtMs: NOW_MS, dueAtMs: NOW_MS + 5000 },
      ]);
      expect(await CONTACTS.find(query, 'true')).toMatchObject([{ seenAtMs: NOW_MS }]);
      expect(await MEMBERS.find(query, 'true')).toMatchObject([
        { decidedAtMs: NOW_MS, nextChangeAt: NOW_AT },
      ]);
      expect(await meta.read(query, ['applied_at'])).toEqual({ applied_at: NOW_AT });
    });
    expect(await store.findRun(run.id)).toMatchObject({ startedAtMs: NOW_MS, params: { startedAt: NOW_AT } });
  });

  test('ends logins for ever, and keeps few of them', async () => {
    const login = (id: string, hours: number) => ({ id, expiresAt: NOW_AT + hours * 3600 });
    await store.endLogin({ ...login('early', 2), nowAt: NOW_AT });
    await store.endLogin({ ...login('later', 9), nowAt: NOW_AT + 3 * 3600 });
    const ended = await Promise.all(
      [login('early', 2), login('later', 9), login('open', 3), login('below', 1)].map((one) =>
        store.isLoginEnded(one),
      ),
    );
    expect(ended).toEqual([true, true, false, true]);
  });

  test('says whether the database can be written', async () => {
    expect(await store.canWrite()).toBe(true);
    expect(await Promise.all([store.canWrite(), store.canWrite()])).toEqual([true, true]);
    expect(await bare.read((query) => INBOX.find(query, 'true'))).toEqual([]);
  });
});

describe('settings', () => {
  const settings = { dryRun: true, eligibleProgramsByReferral: {} };

  test('that another process has changed over to leave this one no unit', async () => {
    await bringInStep(bare, meta, { timeZone: NEW_YORK, settings }, 'service');
    store = openStore(bare, { timeZone: NEW_YORK, settings });
    await open();
    expect(await store.whyUnfit()).toBeNull();
    await bringInStep(
      another(),
      meta,
      { timeZone: NEW_YORK, settings: { ...settings, dryRun: false } },
      'service',
    );
    expect(await store.whyUnfit()).toContain('DRY_RUN is true here');
    await expect(store.adoptRun({ ...request, nowMs: NOW_MS + LEASE_MS })).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    expect(await store.canWrite()).toBe(false);
  });

  test('of the service are what a command needs', async () => {
    const other = { timeZone: 'Europe/Berlin', settings };
    await expect(bringInStep(bare, meta, other, 'command')).rejects.toMatchObject({ code: 'config_invalid' });
    await bare.unit((unit) => meta.save(unit, { derived_by: 1 }), DURABLY);
    const same = { timeZone: NEW_YORK };
    await expect(bringInStep(bare, meta, same, 'command')).rejects.toMatchObject({
      code: 'store_unavailable',
    });
  });

  test('with another time zone have dates read and members decided again', async () => {
    const late = Date.parse('2026-03-02T03:00:00Z') / 1000;
    await knowMember('a', { attributes: { 'Enrolled Date': late } }, { nextChangeAt: NOW_AT });
    const enrolled = async (): Promise<unknown> =>
      bare.read(async (query) => [
        (await CONTACTS.find(query, 'true'))[0]?.enrolledOn,
        (await REPORTED.find(query, 'true'))[0]?.enrolledOn,
        (await MEMBERS.find(query, 'true'))[0]?.nextChangeAt,
      ]);
    await bringInStep(bare, meta, { timeZone: 'UTC' }, 'service');
    expect(await enrolled()).toEqual(['2026-03-02', '2026-03-02', 0]);
    await bringInStep(bare, meta, { timeZone: NEW_YORK }, 'service');
    expect(await enrolled()).toEqual(['2026-03-01', '2026-03-01', 0]);
  });

  test('wait for units that have begun', async () => {
    const order: string[] = [];
    const held = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const unit = database.unit(async () => {
      begun.resolve();
      await held.promise;
      order.push('unit');
    }, DURABLY);
    await begun.promise;
    const changed = bringInStep(another(), meta, { timeZone: 'UTC' }, 'service').then(() =>
      order.push('changed'),
    );
    await vi.waitFor(async () => {
      const rows = await bare.read((query) =>
        query.rows("select 1 as one from pg_locks where locktype = 'advisory' and not granted"),
      );
      expect(rows).toHaveLength(1);
    });
    held.resolve();
    await Promise.all([unit, changed]);
    expect(order).toEqual(['unit', 'changed']);
  });
});

function entry(over: Partial<Parameters<typeof INBOX.put>[1][number]>) {
  return {
    id: 0, origin: 'webhook', dedupeKey: `key-${over.id}`, topic: null, subjectKind: 'conversation', subjectId: '1',
    lane: null, createdAt: null, receivedAtMs: NOW_MS, hasPayload: false, status: 'waiting', dueAtMs: NOW_MS,
    leaseOwner: null, leasedAtMs: null, leaseUntilMs: null, leaseToken: 0, attempts: 0, reason: null,
    settledAtMs: null, waitsForIntercom: false, ...over,
  } as const; // prettier-ignore
}

function outbox(contactId: string, over: Partial<Parameters<typeof OUTBOX.put>[1][number]> = {}) {
  return {
    contactId, rank: 0, state: 'ready', dueAtMs: 0, leaseOwner: null, leasedAtMs: null, leaseUntilMs: null,
    leaseToken: 0, attempts: 0, outcomeUnknown: false, reason: null, parkedAtMs: null, ...over,
  } as const; // prettier-ignore
}

function write(id: number, contactId: string, over: Partial<Parameters<typeof WRITES.put>[1][number]> = {}) {
  return {
    id, contactId, attribute: 'Last Call', before: null, after: 1, causeKind: 'sweep', causeRef: 'run_1',
    outcome: 'waiting', reason: null, attempts: 0, notBeforeMs: 0, queuedAtMs: NOW_MS, settledAtMs: null,
    parkedAtMs: null, isReplayed: false, ...over,
  } as const; // prettier-ignore
}

async function knowMember(
  id: string,
  contact: Partial<Parameters<typeof CONTACTS.put>[1][number]> = {},
  member: Partial<Parameters<typeof MEMBERS.put>[1][number]> = {},
): Promise<void> {
  await bare.unit(async (unit) => {
    await CONTACTS.put(unit, [{
      id, role: 'user', externalId: null, name: null, email: null, createdAt: 1, updatedAt: 1, seenAtMs: 1,
      wasRead: true, attributes: {}, unreadable: [], enrolledOn: null, registeredOn: null, birthOn: null,
      employer: null, referral: null, registrationCode: null, keptForms: [], ownFirstSessionAt: null, ...contact,
    }]); // prettier-ignore
    await CONVERSATIONS.put(unit, [{
      id: `call-of-${id}`, contactId: id, createdAt: 1, updatedAt: NOW_AT - 1, seenAtMs: 1, wasRead: true,
      state: 'closed', channel: 'Phone', serviceCode: null, coachId: null, lastCloseAt: NOW_AT - 9,
      hasWrongCloseTime: false, channelName: null, serviceCodeName: null, sessionAt: null,
      isCoachingSession: false, isQualifyingCall: false, isBillable: false, isNearMiss: false, reportedAt: null,
    }]); // prettier-ignore
    await MEMBERS.put(unit, [{
      contactId: id, status: null, nextChangeAt: null, nextChangeOn: null, nextChangeTo: null,
      lastQualifyingAt: null, evidence: [], nearMisses: [], warnings: [], decidedAtMs: NOW_MS, syncedAtMs: NOW_MS,
      ...member,
    }]); // prettier-ignore
  }, DURABLY);
}
