import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { array, assert as assertProperty, asyncProperty, integer } from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openConnection } from '../src/store/sqlite/connection.js';
import { createEndedLogins } from '../src/store/sqlite/ended-logins.js';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.js';
import { asStoreError } from '../src/store/sqlite/store-errors.js';
import type { Store } from '../src/store/ports/store.js';
import {
  NOW_AT,
  NOW_MS,
  call,
  callChange,
  contact,
  contactChange,
  handled,
  knowMember,
  lease,
  leaseOneWrite,
  notification,
  openRun,
  sentAll,
  wanting,
  workOn,
} from '../src/store/exercise/samples.js';
import { temporaryDirectory } from './support/command-line.js';
import { createMovedClock } from './support/moved-clock.js';

const NEW_YORK = 'America/New_York';

function newPath(): string {
  return join(temporaryDirectory(), 'engagement.db');
}

function open(path: string, over: Partial<Parameters<typeof openSqliteStore>[0]> = {}): Store {
  const store = openSqliteStore({ path, timeZone: NEW_YORK, ...over });
  onTestFinished(() => store.close());
  return store;
}

/** A second connection, for looking at what the store wrote and for standing in its way. */
function openRaw(path: string): Database.Database {
  const raw = new Database(path);
  onTestFinished(() => {
    raw.close();
  });
  return raw;
}

describe('the SQLite file', () => {
  it('can be read by its owner only, as can its directory and its log', async () => {
    const path = join(temporaryDirectory(), 'new', 'directory', 'engagement.db');
    const store = open(path);
    await store.storeNotification(notification('a'));
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    const modes = readdirSync(dirname(path)).map((file) => [
      file,
      statSync(join(dirname(path), file)).mode & 0o777,
    ]);
    expect(Object.fromEntries(modes)).toEqual({
      'engagement.db': 0o600,
      'engagement.db-wal': 0o600,
      'engagement.db-shm': 0o600,
    });
  });

  it('is made private when a copy that others could read was put in its place', async () => {
    const path = newPath();
    await openSqliteStore({ path, timeZone: NEW_YORK }).close();
    chmodSync(path, 0o644);
    const store = open(path);
    await store.storeNotification(notification('a'));
    for (const file of ['engagement.db', 'engagement.db-wal', 'engagement.db-shm']) {
      expect(statSync(join(dirname(path), file)).mode & 0o777).toBe(0o600);
    }
  });

  it('keeps everything when it is closed and opened again', async () => {
    const path = newPath();
    const first = openSqliteStore({ path, timeZone: NEW_YORK });
    await knowMember(first, 'a');
    await first.storeNotification(notification('a'));
    const before = await first.findMember('a');
    await first.close();
    const second = open(path);
    expect(await second.findMember('a')).toEqual(before);
    expect(await second.storeNotification(notification('a'))).toBe('duplicate');
    expect(await second.leaseNotifications(lease())).toHaveLength(1);
    expect(await second.leaseWrites(lease())).toHaveLength(1);
  });

  it('can be shared by two processes, which never get the same work', async () => {
    const path = newPath();
    const [one, other] = [open(path), open(path)];
    await one.storeNotification(notification('a'));
    expect(await other.storeNotification(notification('a'))).toBe('duplicate');
    expect(await other.leaseNotifications(lease({ owner: 'process-2' }))).toHaveLength(1);
    expect(await one.leaseNotifications(lease())).toEqual([]);
  });

  it('cannot be written as soon as its inbox cannot, and asking leaves no trace', async () => {
    const path = newPath();
    const warnings: object[] = [];
    const store = open(path, { log: { warn: (fields) => warnings.push(fields) } });
    expect(await store.canWrite()).toBe(true);
    await store.storeNotification(notification('a'));
    const raw = openRaw(path);
    expect(raw.prepare('select id from inbox').pluck().all()).toEqual([1]);
    raw.exec('alter table inbox rename to elsewhere');
    expect(await store.canWrite()).toBe(false);
    expect(warnings).toEqual([{ code: 'SQLITE_ERROR' }]);
    raw.exec('alter table elsewhere rename to inbox');
    expect(await store.canWrite()).toBe(true);
  });

  it('is left alone when a newer version of the program has used it', async () => {
    const path = newPath();
    await openSqliteStore({ path, timeZone: NEW_YORK }).close();
    openRaw(path).exec(
      "insert into __drizzle_migrations (hash, created_at) values ('later', 32503680000000)",
    );
    expect(() => open(path)).toThrow(
      expect.objectContaining({ code: 'store_newer_than_program', retry: 'never' }),
    );
  });

  it('is refused when it is no database, or has no place to be', () => {
    const path = newPath();
    writeFileSync(path, 'these are notes, and quite a few of them, but no database at all\n'.repeat(100));
    expect(() => open(path)).toThrow(expect.objectContaining({ code: 'store_unavailable', retry: 'never' }));
    const below = join(path, 'engagement.db');
    expect(() => open(below)).toThrow(expect.objectContaining({ code: 'store_unavailable' }));
    const directory = newPath();
    mkdirSync(directory);
    expect(() => open(directory)).toThrow(
      expect.objectContaining({ code: 'store_unavailable', retry: 'later' }),
    );
  });

  it('stands beside the facts what reports filter by, in the report time zone of this start', async () => {
    const path = newPath();
    const first = openSqliteStore({ path, timeZone: NEW_YORK });
    const attributes = {
      'Enrolled Date': Date.UTC(2026, 8, 1) / 1000,
      'Registration Date': Date.UTC(2026, 8, 1, 2) / 1000,
      'Date of Birth': 'some day',
      Employer: ' Acme ',
      Referral: '',
    };
    const changes = [
      contactChange(contact('a', { attributes })),
      callChange(call('1', 'a', { channel: 'video conference', serviceCode: 'disease management 002' })),
      callChange(call('2', 'a', { channel: 'Phnoe' })),
    ];
    await first.apply(workOn(changes));
    const columns = 'enrolled_on, registered_on, birth_on, employer, referral';
    const raw = openRaw(path);
    const written = { enrolled_on: '2026-09-01', birth_on: null, employer: 'Acme', referral: null };
    expect(raw.prepare(`select ${columns} from contacts`).get()).toEqual({
      ...written,
      registered_on: '2026-08-31',
    });
    const derived = 'channel_name, service_code_name, is_coaching_session, is_qualifying_call, is_billable';
    expect(raw.prepare(`select ${derived} from conversations order by id`).raw().all()).toEqual([
      ['Video Conference', 'Disease Management 002', 1, 1, 1],
      [null, 'Health Coaching 001', 0, 0, 0],
    ]);
    await first.close();
    open(path, { timeZone: 'UTC' });
    expect(raw.prepare(`select ${columns} from contacts`).get()).toEqual({
      ...written,
      registered_on: '2026-09-01',
    });
  });
});

describe('a write lock of another program', () => {
  /** What has come of `work` once everything that needs no time has happened. */
  const stateOf = async (work: Promise<unknown>): Promise<string> => {
    const settled = work.then(
      () => 'done',
      (error: { readonly code: string }) => error.code,
    );
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    return Promise.race([settled, Promise.resolve('waits')]);
  };

  it('is waited for without holding up the thread, and as briefly as whoever asks can wait', async () => {
    const path = newPath();
    const clock = createMovedClock('2026-10-15T15:00:00Z');
    const store = open(path, { clock });
    await knowMember(store, 'a');
    const other = openRaw(path);
    other.exec('begin immediate');
    const stored = store.storeNotification(notification('a'));
    const leased = store.leaseWrites(lease());
    const signedOut = store.endLogin({ id: 's', expiresAt: 1, nowAt: 0 });
    expect(await Promise.all([stored, signedOut].map((one) => stateOf(one)))).toEqual(['waits', 'waits']);
    expect((await store.findMember('a'))?.contact.id, 'reading waits for nobody').toBe('a');
    for (let moved = 0; moved < 500; moved += 25) {
      clock.advance(25);
      await stateOf(stored);
    }
    expect(await stateOf(stored)).toBe('store_unavailable');
    expect(await stateOf(signedOut), 'a person waits no longer than Intercom').toBe('store_unavailable');
    expect(await stateOf(leased), 'a loop has more patience').toBe('waits');
    other.exec('rollback');
    clock.advance(1000);
    expect(await leased).toHaveLength(1);
  });

  it('that ends in time goes unnoticed', async () => {
    const path = newPath();
    const clock = createMovedClock('2026-10-15T15:00:00Z');
    const store = open(path, { clock });
    const other = openRaw(path);
    other.exec('begin immediate');
    const answers = ['a', 'b', 'a'].map((key) => store.storeNotification(notification(key)));
    const writable = store.canWrite();
    await Promise.all(answers.map((answer) => stateOf(answer)));
    other.exec('commit');
    clock.advance(25);
    expect((await Promise.all(answers)).toSorted()).toEqual(['duplicate', 'stored', 'stored']);
    expect(await writable).toBe(true);
  });

  it('does not undo an erasure whose log could not be emptied, nor change how locks are waited for', async () => {
    const path = newPath();
    const pragma = vi.spyOn(Database.prototype, 'pragma');
    const store = open(path);
    const connection = pragma.mock.contexts[0];
    if (!(connection instanceof Database)) throw new Error('no connection was opened');
    const timeout = (): unknown => connection.pragma('busy_timeout', { simple: true });
    const before = timeout();
    await knowMember(store, 'a');
    pragma.mockImplementation(function fail(this: Database.Database, text, options) {
      if (text.startsWith('wal_checkpoint')) throw new Database.SqliteError('disk', 'SQLITE_IOERR_WRITE');
      pragma.mockRestore();
      return this.pragma(text, options);
    });
    const gone = { kind: 'contact-deleted', id: 'a' } as const;
    expect(await store.apply(workOn([gone]))).toMatchObject({ kind: 'applied' });
    pragma.mockRestore();
    expect(await store.findMember('a')).toBeNull();
    expect(timeout()).toBe(before);
    expect(await store.finishErasures(NOW_MS)).toEqual({ erased: 0, hasMore: false });
  });
});

describe('what came in each hour', () => {
  const HOUR_MS = 3_600_000;
  const hourAt = Math.floor(NOW_AT / 3600) * 3600;

  it('is counted with what is stored, and what is refused forces no write of its own', async () => {
    const path = newPath();
    const store = openSqliteStore({ path, timeZone: NEW_YORK });
    const raw = openRaw(path);
    const stored = (): unknown =>
      raw
        .prepare('select hour_at - ? as at, result, count from webhook_hours order by 1, 2')
        .raw()
        .all(hourAt);
    store.countWebhook('refused', NOW_MS);
    store.countWebhook('refused', NOW_MS + 1);
    expect(stored()).toEqual([]);
    await Promise.all(['a', 'b', 'a'].map((key) => store.storeNotification(notification(key))));
    await store.storeNotification(notification('c', { unreadable: 'cut off' }));
    await store.storeNotification(notification('d', { receivedAtMs: NOW_MS + HOUR_MS }));
    const expected = [
      [0, 'accepted', 2],
      [0, 'duplicate', 1],
      [0, 'parked', 1],
      [0, 'refused', 2],
      [3600, 'accepted', 1],
    ];
    expect(stored()).toEqual(expected);
    store.countWebhook('ignored', NOW_MS + HOUR_MS);
    expect(await store.webhookHours(NOW_AT + 3600)).toEqual([
      { hourAt: hourAt + 3600, result: 'accepted', count: 1 },
      { hourAt: hourAt + 3600, result: 'ignored', count: 1 },
    ]);
    await store.keepWebhookCounts((hourAt + 3600) * 1000);
    expect(stored()).toEqual([...expected.slice(4), [3600, 'ignored', 1]]);
    store.countWebhook('ignored', NOW_MS + HOUR_MS);
    await store.close();
    expect(stored(), 'a stop loses none').toEqual([...expected.slice(4), [3600, 'ignored', 2]]);
  });

  it('is taken from the inbox of an older version, pauses included', async () => {
    const path = newPath();
    const first = openSqliteStore({ path, timeZone: NEW_YORK });
    for (const [at, hour] of [0, 1, 9].entries()) {
      await first.storeNotification(notification(`n-${at}`, { receivedAtMs: NOW_MS + hour * HOUR_MS }));
    }
    await first.close();
    const raw = openRaw(path);
    const hours = (): unknown =>
      raw
        .prepare('select hour_at, count, last_at_ms, longest_pause_ms from webhook_hours order by 1')
        .raw()
        .all();
    const counted = hours();
    raw.exec('delete from webhook_hours');
    open(path);
    expect(hours()).toEqual(counted);
    expect(counted).toHaveLength(3);
  });
});

describe('a database of an older version', () => {
  it('looks once for those whom it has erased, and in what comes in from then on', async () => {
    const path = newPath();
    const first = openSqliteStore({ path, timeZone: NEW_YORK });
    await knowMember(first, 'gone');
    const body = Buffer.from('{"contacts":["other","gone"]}');
    await first.apply(workOn([{ kind: 'contact-deleted', id: 'gone' }]));
    await first.storeNotification(notification('before', { body }));
    await first.close();
    openRaw(path).exec("delete from meta where name = 'erasures'; delete from person_marks");
    const store = open(path);
    expect(await store.scrubPayloads(NOW_MS)).toEqual({ erased: 1, hasMore: false });
    await store.storeNotification(notification('later', { body, unreadable: 'cut off', subject: null }));
    expect(await store.parked()).toEqual([]);
  });
});

describe('everything that is kept', () => {
  it('has an end, or is kept on purpose', () => {
    const path = newPath();
    open(path);
    const ends: Readonly<Record<string, string>> = {
      inbox: 'pruneInbox: 45 days after settling, 180 after parking; payloads by eraseOldPayloads',
      payloads: 'eraseOldPayloads; goes with its entry',
      contacts: 'as many as Intercom has: deletions and merges remove theirs',
      conversations: 'kept on purpose: history is what reports and the rules are made of',
      lifecycles: 'kept on purpose: a row of ids for each object that is gone keeps it from coming back',
      person_marks: 'kept on purpose, at most 60 short rows for each contact: recognizes erased people',
      erasing: 'finishErasures empties it',
      fights: 'what is over goes after a day, when the next fight begins, and with its contact',
      webhook_hours: 'keepWebhookCounts: 400 days, five rows an hour',
      coaches: 'kept on purpose: conversations go on naming them',
      ended_sessions: 'until the cookie would have ended, at most 10,000',
      members: 'one for each contact, goes with it',
      reported_members: 'one for each member, goes with it',
      writes: 'kept on purpose: the audit',
      outbox: 'one for each contact, goes when nothing waits',
      runs: 'pruneRuns: sweeps 30 days, others 400',
      drift: 'goes with its run',
      sweep_found: 'goes at the end of its run',
      sweep_seen: 'goes at the end of its run',
      sweep_counted: 'goes at the end of its run',
      parked_objects: 'one row for each object that cannot be read; goes when it can, and with its contact',
      meta: 'a fixed list of names',
      rate_windows: 'one row',
      replicas: 'a row for each process, until the others find it dead',
      wrong_tokens: 'five minutes, at most 10,000',
    };
    const tables = openRaw(path)
      .prepare<[], string>(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite%' and name not like '\\_\\_%' escape '\\'",
      )
      .pluck()
      .all();
    expect(tables.toSorted()).toEqual(Object.keys(ends).toSorted());
  });
});

describe('instants that an earlier version wrote otherwise', () => {
  it('are read from the attributes again at the next start, once', async () => {
    const path = newPath();
    const first = openSqliteStore({ path, timeZone: NEW_YORK });
    const heldAt = Date.UTC(2026, 8, 1) / 1000;
    await first.apply(
      workOn([contactChange(contact('a', { attributes: { 'Enrolled Date': '2026-09-01' } }))]),
    );
    await first.close();
    const raw = openRaw(path);
    const enrolledAt = () => raw.prepare('select enrolled_at from reported_members').pluck().get();
    expect(enrolledAt()).toBe(heldAt);
    const local = heldAt + 4 * 3600;
    raw.prepare('update reported_members set enrolled_at = ?').run(local);
    await openSqliteStore({ path, timeZone: NEW_YORK }).close();
    expect(enrolledAt(), 'nothing is due').toBe(local);
    raw.exec("update meta set value = '3' where name = 'derived_by'");
    await openSqliteStore({ path, timeZone: NEW_YORK }).close();
    expect(enrolledAt()).toBe(heldAt);
  });
});

describe('sessions that were signed out', () => {
  it('are bounded: too many end the oldest sessions there are', () => {
    const connection = openConnection(newPath(), { mayMigrate: true });
    const sessions = createEndedLogins(connection, 10);
    const at = (number: number) => ({ id: `s-${number}`, expiresAt: 1_790_000_000 + number });
    for (let number = 1; number <= 30; number += 1) sessions.end({ ...at(number), nowAt: 1_789_999_000 });
    expect(connection.sqlite.prepare('select count(*) from ended_sessions').pluck().get()).toBe(11);
    for (const number of [1, 20, 21, 30]) expect(sessions.isEnded(at(number))).toBe(true);
    expect(sessions.isEnded({ id: 'old', expiresAt: 1_790_000_020 })).toBe(true);
    expect(sessions.isEnded({ id: 'new', expiresAt: 1_790_000_021 })).toBe(false);
    connection.sqlite.close();
  });
});

describe('a group of notifications', () => {
  it('fails as one: nobody is told that theirs is stored', async () => {
    const path = newPath();
    const store = open(path);
    openRaw(path).exec(`create trigger poison before insert on inbox when new.dedupe_key = 'poison'
      begin select raise(abort, 'poisoned'); end`);
    const keys = ['a', 'poison', 'b'];
    const answers = await Promise.allSettled(keys.map((key) => store.storeNotification(notification(key))));
    expect(answers.map((answer) => answer.status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(await store.leaseNotifications(lease())).toEqual([]);
    expect(await store.storeNotification(notification('a')), 'and the next group is its own').toBe('stored');
  });
});

describe('errors of SQLite', () => {
  it.each([
    ['SQLITE_FULL', 'later'],
    ['SQLITE_IOERR_FSYNC', 'later'],
    ['SQLITE_READONLY_DBMOVED', 'later'],
    ['SQLITE_CANTOPEN', 'later'],
    ['SQLITE_BUSY_SNAPSHOT', 'later'],
    ['SQLITE_CORRUPT', 'never'],
    ['SQLITE_NOTADB', 'never'],
  ])('%s means that the store is unavailable, to be tried %s', (code, retry) => {
    const wrapped = new Error('failed query', { cause: new Database.SqliteError('personal words', code) });
    const answer = asStoreError(wrapped);
    expect(answer).toMatchObject({ code: 'store_unavailable', retry });
    expect(String(answer)).not.toContain('personal');
  });

  it('that are defects of ours stay what they are', () => {
    const defect = new Database.SqliteError('no such column', 'SQLITE_ERROR');
    expect(asStoreError(defect)).toBe(defect);
  });
});

describe('erasing a contact', () => {
  const SECRET = 'Wilhelmina Zwetschkenbaum';
  const EMAIL = 'wilhelmina.z@plum.example';
  const person = { name: SECRET, email: EMAIL, externalId: 'plum-tree-4711' };
  const planted = [SECRET, EMAIL, person.externalId, 'PlumCorp'];

  const bytesOf = (path: string): Buffer =>
    Buffer.concat(readdirSync(dirname(path)).map((file) => readFileSync(join(dirname(path), file))));
  const foundIn = (path: string): string[] => planted.filter((words) => bytesOf(path).includes(words));

  /** The person among others, changed several times, with payloads short and long, writes and a merge. */
  const live = async (store: Store, sizes: readonly number[]): Promise<void> => {
    const lane = { lane: 'a', subject: { kind: 'contact', id: 'a' } } as const;
    for (const [index, size] of sizes.entries()) {
      await knowMember(store, `other-${index}`);
      const employer = `PlumCorp ${'x'.repeat(size % 3000)}`;
      const seen = contact('a', { ...person, updatedAt: NOW_AT + index, attributes: { Employer: employer } });
      const decide = wanting({
        attribute: 'Eligible Programs',
        before: 'PlumCorp',
        after: `PlumCorp ${index}`,
      });
      await store.apply(workOn([contactChange(seen), callChange(call(`a-${index}`, 'a'))], { decide }));
      const body = Buffer.from(
        JSON.stringify({ id: 'a', name: SECRET, email: EMAIL, text: 'y'.repeat(size) }),
      );
      await store.storeNotification(notification(`of-a-${index}`, { ...lane, body }));
      const other = { lane: `other-${index}`, body: Buffer.from('z'.repeat(size)) };
      await store.storeNotification(notification(`of-other-${index}`, other));
    }
    await store.apply(
      workOn([contactChange(contact('before', { ...person, externalId: 'plum-tree-4711' }))]),
    );
    await store.apply(workOn([{ kind: 'contact-merged', absorbedId: 'before', survivorId: 'a' }]));
  };

  it('leaves none of their bytes in the file nor in its log', async () => {
    const sizes = array(integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 8 });
    await assertProperty(
      asyncProperty(sizes, async (some) => {
        const path = newPath();
        const store = openSqliteStore({ path, timeZone: NEW_YORK });
        await live(store, some);
        expect(foundIn(path)).toEqual(planted);
        await store.apply(workOn([{ kind: 'contact-deleted', id: 'a' }]));
        expect(foundIn(path)).toEqual([]);
        expect(bytesOf(path).includes('other-0@example.test')).toBe(true);
        await store.close();
        expect(foundIn(path)).toEqual([]);
      }),
      { numRuns: 8 },
    );
  });

  it('reaches every table that holds anything about a person', async () => {
    const path = newPath();
    const store = open(path);
    const id = 'contact-of-wilhelmina';
    const about = [
      'contacts',
      'conversations',
      'drift',
      'fights',
      'inbox',
      'members',
      'outbox',
      'parked_objects',
      'payloads',
      'reported_members',
      'sweep_counted',
      'sweep_found',
      'sweep_seen',
      'writes',
    ];
    // What is left: that there was a contact with this id, and what is about nobody in particular.
    const others = [
      'coaches',
      'ended_sessions',
      'erasing',
      'lifecycles',
      'meta',
      'person_marks',
      'rate_windows',
      'replicas',
      'runs',
      'webhook_hours',
      'wrong_tokens',
    ];
    const seen = contact(id, { ...person, attributes: { Referral: SECRET, 'Date of Birth': SECRET } });
    const strange = call('strange', id, { channel: SECRET, serviceCode: SECRET });
    const change = { attribute: 'Eligible Programs', before: SECRET, after: 'PlumCorp' } as const;
    await store.apply(workOn([contactChange(seen), callChange(strange)], { decide: wanting(change) }));
    const sent = sentAll(await leaseOneWrite(store));
    // Wanted again as soon as it was written.
    await store.apply(workOn([], { decide: wanting(change), completes: sent }));
    const { contactId, lease: held } = await leaseOneWrite(store);
    await store.parkWrite({ contactId, lease: held, reason: `Intercom says: ${SECRET}` });
    const body = Buffer.from(`{"id":"${id}","name":"${SECRET}"}`);
    for (const [key, over] of [
      ['of-contact', { lane: id, subject: { kind: 'contact', id } }],
      ['of-call', { lane: 'conversation:strange', subject: { kind: 'conversation', id: 'strange' } }],
      ['unreadable', { lane: null, subject: null, unreadable: 'not JSON' }],
      ['of-group', { lane: 'another', subject: { kind: 'conversation', id: 'group' } }],
    ] as const) {
      await store.storeNotification(notification(key, { ...over, body }));
    }

    const run = await openRun(store);
    const progress = { phase: 'contacts', done: 1, total: 1, contacts: 1, conversations: 0, calls: 1 };
    const counted = { phase: 'contacts', entries: [id] };
    const lasting = { lease: run.lease, leaseUntilMs: NOW_MS, checkpoint: null };
    const page = { runId: run.id, ...lasting, progress, counted };
    const parked = { kind: 'conversation', id: 'odd', field: 'state', likelyOwnerId: id } as const;
    await store.parkObject({ ...parked, nowMs: NOW_MS, runId: run.id });
    const later = contactChange({ ...seen, updatedAt: seen.updatedAt + 60 });
    await store.keepFound({ page, changes: [later], seen: [{ kind: 'contact', id }], nowMs: NOW_MS });
    await store.keepDrift({ page, differences: [{ ...change, contactId: id, why: SECRET }] });

    const raw = openRaw(path);
    const tables = raw
      .prepare<[], string>("select name from sqlite_master where type = 'table' and name not like 'sqlite%'")
      .pluck()
      .all();
    expect(tables.filter((name) => name !== '__drizzle_migrations').sort()).toEqual(
      [...about, ...others].sort(),
    );
    const naming = (words: string): string[] =>
      about.filter((table) =>
        raw
          .prepare<[], Record<string, unknown>>(`select * from ${table}`)
          .all()
          .some((row) => Object.values(row).some((cell) => String(cell).includes(words))),
      );
    expect(naming(id)).toEqual(about);
    await store.apply(workOn([{ kind: 'contact-deleted', id }]));
    await store.scrubPayloads(NOW_MS);
    expect(naming(id)).toEqual([]);
    expect(naming(SECRET)).toEqual([]);
    expect(foundIn(path)).toEqual([]);
    expect(await store.parked()).toEqual([]);
  });

  it('reaches a payload that comes in after the deletion', async () => {
    const path = newPath();
    const store = open(path);
    await knowMember(store, 'a');
    await store.apply(workOn([{ kind: 'contact-deleted', id: 'a' }]));
    const body = Buffer.from(JSON.stringify({ name: SECRET }));
    await store.storeNotification(notification('late', { lane: 'a', body }));
    const [late] = await store.leaseNotifications(lease());
    const completes = handled(late);
    const gone = { kind: 'contact-deleted', id: 'a' } as const;
    await store.apply(workOn([contactChange(contact('a', person)), gone], { completes }));
    expect(foundIn(path)).toEqual([]);
  });

  it('shares the emptying of the log with others, where very many come at once', async () => {
    const path = newPath();
    const pragma = vi.spyOn(Database.prototype, 'pragma');
    const store = open(path);
    const emptied = (): number =>
      pragma.mock.calls.filter(([text]) => text.startsWith('wal_checkpoint')).length;
    const before = emptied();
    for (let at = 0; at < 200; at += 1) {
      await knowMember(store, `a-${at}`);
      await store.apply(workOn([{ kind: 'contact-deleted', id: `a-${at}` }]));
    }
    expect(emptied() - before).toBeLessThan(100);
    await store.close();
    expect(foundIn(path)).toEqual([]);
  });

  it('is made up for as soon as a reader lets go of the old pages', async () => {
    const path = newPath();
    const warn = vi.fn<(fields: object, message: string) => void>();
    const store = open(path, { log: { warn } });
    await store.apply(workOn([contactChange(contact('a', person))]));
    const reader = openRaw(path);
    reader.exec('begin; select count(*) from contacts');
    reader.prepare('select count(*) from contacts').get();
    await store.apply(workOn([{ kind: 'contact-deleted', id: 'a' }]));
    await store.apply(workOn([]));
    expect(warn, 'once, however long the reader holds on').toHaveBeenCalledTimes(1);
    expect(foundIn(path)).not.toEqual([]);
    reader.exec('commit');
    await store.apply(workOn([], { nowMs: NOW_MS + 1 }));
    expect(foundIn(path)).toEqual([]);
  });
});
