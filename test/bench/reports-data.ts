import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { dateOf, startOfDayAt } from '../../src/rules/calendar.js';
import { MAINTAINED_ATTRIBUTES } from '../../src/rules/vocabulary.js';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';

export const TIME_ZONE = 'America/New_York';
/** The moment at which the benchmark asks; the data ends here. */
export const NOW_AT = 1_790_000_000;

const DAY = 86_400;
const CHANNELS = ['Phone', 'Video Conference', 'Email', 'Chat', null] as const;
const CODES = ['Health Coaching 001', 'Disease Management 002', 'Nutrition 003', null] as const;
/** Raise it when the rows are made otherwise, so that a file of an earlier benchmark is not used. */
const GENERATION = 5;

export interface DataSize {
  readonly members: number;
  readonly conversations: number;
}

/** The path of a database file of this size, made by the first run that needs it and kept for the next ones. */
export async function benchDatabase({ members, conversations }: DataSize): Promise<string> {
  const directory = join(tmpdir(), 'intercom-engagement-bench');
  const path = join(directory, `reports-${GENERATION}-${members}-${conversations}.db`);
  if (existsSync(path)) return path;
  mkdirSync(directory, { recursive: true });
  const making = `${path}.making`;
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${making}${suffix}`, { force: true });
  // The store makes its own tables.
  await openSqliteStore({ path: making, timeZone: TIME_ZONE }).close();
  const sqlite = new Database(making);
  sqlite.pragma('journal_mode = MEMORY');
  sqlite.pragma('synchronous = OFF');
  sqlite.pragma('cache_size = -400000');
  const indexes = dropIndexes(sqlite, ['conversations', 'reported_members']);
  sqlite.transaction(() => {
    fillCoaches(sqlite);
    const sessions = fillConversations(sqlite, { members, conversations });
    fillMembers(sqlite, members, sessions);
  })();
  for (const index of indexes) sqlite.exec(index);
  sqlite.pragma('journal_mode = WAL');
  sqlite.close();
  renameSync(making, path);
  return path;
}

/** Filling a table and indexing it afterwards is several times faster than the other way round. */
function dropIndexes(sqlite: Database.Database, tables: readonly string[]): string[] {
  const rows = sqlite
    .prepare<[string], { name: string; sql: string }>(
      `select name, sql from sqlite_master
       where type = 'index' and sql is not null and tbl_name in (select value from json_each(?))`,
    )
    .all(JSON.stringify(tables));
  for (const { name } of rows) sqlite.exec(`drop index ${name}`);
  return rows.map((row) => row.sql);
}

const COACHES = 60;

function fillCoaches(sqlite: Database.Database): void {
  const insert = sqlite.prepare('insert into coaches (id, name, email) values (?, ?, ?)');
  for (let index = 0; index < COACHES; index += 1) insert.run(coachId(index), `Coach ${index}`, null);
}

function coachId(index: number): string {
  return String(5_000_000 + index);
}

interface Sessions {
  firstAt: number;
  lastAt: number;
  firstBillableAt: number;
  lastBillableAt: number;
  qualifyingAt: number;
  coachId: string;
}

function fillConversations(sqlite: Database.Database, { members, conversations }: DataSize): Sessions[] {
  const random = createRandom(7);
  const sessions: Sessions[] = Array.from({ length: members }, () => ({
    firstAt: 0,
    lastAt: 0,
    firstBillableAt: 0,
    lastBillableAt: 0,
    qualifyingAt: 0,
    coachId: '',
  }));
  const insert = sqlite.prepare(
    `insert into conversations (id, contact_id, created_at, updated_at, seen_at_ms, was_read, state, channel,
       service_code, coach_id, last_close_at, channel_name, service_code_name, session_at, is_coaching_session,
       is_qualifying_call, is_billable, is_near_miss, reported_at)
     values (?, ?, ?, ?, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  for (let index = 0; index < conversations; index += 1) {
    const member = Math.floor(random() * members);
    const closedAt = Math.floor(NOW_AT - 365 * DAY * (1 - index / conversations));
    const isClosed = random() < 0.9;
    const channel = CHANNELS[Math.floor(random() ** 1.6 * CHANNELS.length)] ?? null;
    const code = CODES[Math.floor(random() ** 1.6 * CODES.length)] ?? null;
    const coach = coachId((member + (random() < 0.2 ? 1 : 0)) % COACHES);
    const isCall = channel === 'Phone' || channel === 'Video Conference';
    const qualifies = code === 'Health Coaching 001' || code === 'Disease Management 002';
    const isSession = isClosed && channel !== null;
    const isBillable = isClosed && isCall;
    const isQualifying = isBillable && qualifies;
    const isNearMiss = isClosed && !isQualifying && (channel === null || isCall);
    insert.run(
      String(200_000_000 + index),
      contactId(member),
      closedAt - 1800,
      closedAt + 5,
      isClosed ? 'closed' : 'open',
      channel,
      code,
      coach,
      isClosed ? closedAt : null,
      channel,
      qualifies ? code : null,
      isClosed ? closedAt : null,
      Number(isSession),
      Number(isQualifying),
      Number(isBillable),
      Number(isNearMiss),
      isClosed ? closedAt : null,
    );
    const known = sessions[member];
    if (known === undefined || !isSession) continue;
    known.lastAt = closedAt;
    known.firstAt ||= closedAt;
    if (!isBillable) continue;
    known.lastBillableAt = closedAt;
    known.firstBillableAt ||= closedAt;
    if (!isQualifying) continue;
    known.qualifyingAt = closedAt;
    known.coachId = coach;
  }
  return sessions;
}

/** As Intercom's look: 24 hexadecimal digits, in no order. */
function contactId(member: number): string {
  return (BigInt(member + 1) * 0x9e3779b97f4a7c15f39cc060n).toString(16).slice(-24).padStart(24, '0');
}

function fillMembers(sqlite: Database.Database, count: number, sessions: readonly Sessions[]): void {
  const random = createRandom(11);
  const insertContact = sqlite.prepare(
    `insert into contacts (id, role, external_id, name, email, created_at, updated_at, seen_at_ms, was_read,
       attributes, enrolled_on, registered_on, employer, referral, kept_forms)
     values (?, 'user', ?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?, 'Counter Health', '[]')`,
  );
  const insertMember = sqlite.prepare(
    `insert into members (contact_id, status, last_qualifying_at, evidence, near_misses, warnings, decided_at_ms)
     values (?, ?, ?, ?, '[]', '[]', 0)`,
  );
  const insertReported = sqlite.prepare(
    `insert into reported_members (contact_id, member_id, user_id, has_no_user_id, has_no_employer, name, name_key,
       first_name, last_name, email, employer, employer_key, referral_key, registration_code, enrolled_on, enrolled_at, registered_on,
       birth_on, first_session_at, last_session_at, first_billable_at, last_billable_at, without_session_since_on,
       status, next_change_at, next_change_on, next_change_to, last_qualifying_at, last_qualifying_coach_id,
       last_qualifying_channel, last_qualifying_service_code, maintained_session_at, maintained_status,
       maintained_status_key, maintained_status_at, maintained_programs)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'counter health', ?, ?, ?, ?, '1980-02-03', ?, ?, ?, ?, ?, ?, ?, ?, ?,
       ?, ?, ?, ?, ?, ?, ?, ?, 'Smart Access')`,
  );
  // As wide as what the rules leave behind of a member.
  const evidence = JSON.stringify(
    MAINTAINED_ATTRIBUTES.map((attribute) => ({
      attribute,
      wanted: { kind: 'value', value: NOW_AT },
      because: 'The latest qualifying call, Phone · Health Coaching 001, closed on Oct 1, 2026, 29 days ago',
      conversationIds: ['215470000000001'],
      figures: { calledOn: '2026-10-01', todayOn: '2026-10-30', heldOn: null, coverageFromOn: '2025-10-30' },
    })),
  );
  const orNull = (at: number): number | null => (at === 0 ? null : at);
  for (let member = 0; member < count; member += 1) {
    const id = contactId(member);
    const known = sessions[member];
    if (known === undefined) continue;
    const userId = random() < 0.02 ? null : `user-${member}`;
    const employer = random() < 0.02 ? null : `Employer ${Math.floor(random() * 200)}`;
    const given = `Given${Math.floor(random() * 900)}`;
    const family = `Family${Math.floor(random() * 9000)}`;
    const name = `${given} Middle ${family}`;
    const email = `member${member}@example.test`;
    const enrolledOn = random() < 0.05 ? null : dateOf(NOW_AT - Math.floor(random() * 500) * DAY, TIME_ZONE);
    const enrolledAt = enrolledOn === null ? null : startOfDayAt(enrolledOn, TIME_ZONE);
    const lastSessionOn = known.lastAt === 0 ? null : dateOf(known.lastAt, TIME_ZONE);
    const days = Math.floor((NOW_AT - known.qualifyingAt) / DAY);
    const status = enrolledOn === null ? null : days <= 28 ? 'Engaged' : days <= 56 ? 'At Risk' : 'Unengaged';
    const nextAt = status === null || status === 'Unengaged' ? null : known.qualifyingAt + 29 * DAY;
    const attributes = JSON.stringify({
      Employer: employer,
      'Enrolled Date': enrolledAt,
      Referral: 'Counter Health',
    });
    const at = enrolledAt ?? NOW_AT;
    insertContact.run(id, userId, name, email, at, at, attributes, enrolledOn, enrolledOn, employer);
    insertMember.run(id, status, orNull(known.qualifyingAt), evidence);
    insertReported.run(
      id,
      userId ?? id,
      userId,
      Number(userId === null),
      Number(employer === null),
      name,
      name.toLowerCase(),
      given,
      family,
      email,
      employer,
      employer?.toLowerCase() ?? '',
      `RC-${member}`,
      enrolledOn,
      enrolledAt,
      enrolledOn,
      orNull(known.firstAt),
      orNull(known.lastAt),
      orNull(known.firstBillableAt),
      orNull(known.lastBillableAt),
      lastSessionOn ?? enrolledOn,
      status,
      nextAt,
      nextAt === null ? null : dateOf(nextAt, TIME_ZONE),
      nextAt === null ? null : status === 'Engaged' ? 'At Risk' : 'Unengaged',
      orNull(known.qualifyingAt),
      known.coachId === '' ? null : known.coachId,
      known.qualifyingAt === 0 ? null : 'Phone',
      known.qualifyingAt === 0 ? null : 'Health Coaching 001',
      orNull(known.qualifyingAt),
      status,
      status?.toLowerCase() ?? '',
      orNull(known.qualifyingAt),
    );
  }
}

/** The same numbers in [0, 1) at every run (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
