import { asc, eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import type { Pool } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migratePostgres } from '../../src/store/postgres/migrations.js';
import { createPool } from '../../src/store/postgres/pool.js';
import { coaches, contacts, inbox, payloads } from '../../src/store/postgres/schema.js';
import { readText, writeText } from '../../src/store/postgres/stored-text.js';
import { createDatabase } from '../support/postgres-server.js';

let pool: Pool;
let drop = async (): Promise<void> => undefined;

beforeEach(async () => {
  const database = await createDatabase();
  ({ drop } = database);
  pool = createPool({ url: database.url, applicationName: 'test', maxConnections: 1 });
  await migratePostgres(pool, { mayMigrate: true });
});
afterEach(async () => {
  await pool.end();
  await drop();
});

test('a row comes back as it went in: every kind of column, and texts that Postgres does not know', async () => {
  const db = drizzle(pool);
  const row: typeof contacts.$inferSelect = {
    id: 'a\0b',
    role: 'user',
    externalId: '\u0001\0\u0001',
    name: null,
    email: 'a\uffff😀',
    createdAt: 2 ** 53 - 1,
    updatedAt: -1,
    seenAtMs: 0,
    wasRead: true,
    attributes: { Employer: 'a\0b\ud83d', Referral: '\u0001', 'Enrolled Date': 1 },
    unreadable: [],
    enrolledOn: '2026-01-01',
    registeredOn: null,
    birthOn: null,
    employer: 'a\u0001\u0001',
    referral: '',
    registrationCode: null,
    keptForms: [],
    ownFirstSessionAt: null,
  };
  await db.insert(contacts).values(row);
  expect(await db.select().from(contacts).where(eq(contacts.id, row.id))).toEqual([row]);
});

test('numbers are counted up, defaults are those that are described, and a payload goes with its row', async () => {
  const db = drizzle(pool);
  const entry = {
    origin: 'webhook',
    dedupeKey: 'a',
    receivedAtMs: 1,
    status: 'waiting',
    dueAtMs: 1,
    attempts: 0,
  } as const;
  const [first] = await db.insert(inbox).values(entry).returning();
  expect(first).toMatchObject({ ...entry, id: 1, leaseToken: 0, waitsForIntercom: false, topic: null });
  await db.insert(payloads).values({ inboxId: 1, body: Buffer.from([0, 255]), size: 2 });
  expect(await db.select({ body: payloads.body }).from(payloads)).toEqual([{ body: Buffer.from([0, 255]) }]);
  await db.delete(inbox);
  expect(await db.select().from(payloads)).toEqual([]);
});

test('texts are in the order of their bytes, also those that are written otherwise', async () => {
  const texts = [
    'a',
    'a\0',
    'a\0\0',
    'a\0b',
    'a\u0001',
    'a\u0001\0',
    'a\u0001\u0001',
    'a\u0002',
    'aZ',
    'aa',
    'aä',
    'a\uffff',
    'a😀',
  ];
  for (const text of texts) expect(readText(writeText(text))).toBe(text);
  const db = drizzle(pool);
  await db.insert(coaches).values(texts.toReversed().map((id) => ({ id })));
  const found = await db.select({ id: coaches.id }).from(coaches).orderBy(asc(coaches.id));
  expect(found.map(({ id }) => id)).toEqual(texts);
});
