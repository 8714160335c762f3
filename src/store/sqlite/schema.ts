import { ALL_TABLES } from '../tables/all-tables.js';
import { makeSqliteTable } from './make-table.js';

/* What the tables are is described in `src/store/tables`; `npm run migration` compares this with the last migration. */

export const contacts = makeSqliteTable(ALL_TABLES.contacts);
export const conversations = makeSqliteTable(ALL_TABLES.conversations);
export const lifecycles = makeSqliteTable(ALL_TABLES.lifecycles);
export const coaches = makeSqliteTable(ALL_TABLES.coaches);
export const members = makeSqliteTable(ALL_TABLES.members);
export const reportedMembers = makeSqliteTable(ALL_TABLES.reportedMembers);
export const inbox = makeSqliteTable(ALL_TABLES.inbox);
export const payloads = makeSqliteTable(ALL_TABLES.payloads);
export const writes = makeSqliteTable(ALL_TABLES.writes);
export const fights = makeSqliteTable(ALL_TABLES.fights);
export const outbox = makeSqliteTable(ALL_TABLES.outbox);
export const runs = makeSqliteTable(ALL_TABLES.runs);
export const sweepFound = makeSqliteTable(ALL_TABLES.sweepFound);
export const sweepSeen = makeSqliteTable(ALL_TABLES.sweepSeen);
export const sweepCounted = makeSqliteTable(ALL_TABLES.sweepCounted);
export const parkedObjects = makeSqliteTable(ALL_TABLES.parkedObjects);
export const drift = makeSqliteTable(ALL_TABLES.drift);
export const personMarks = makeSqliteTable(ALL_TABLES.personMarks);
export const erasing = makeSqliteTable(ALL_TABLES.erasing);
export const webhookHours = makeSqliteTable(ALL_TABLES.webhookHours);
export const endedLogins = makeSqliteTable(ALL_TABLES.endedLogins);
export const replicas = makeSqliteTable(ALL_TABLES.replicas);
export const rateWindows = makeSqliteTable(ALL_TABLES.rateWindows);
export const wrongTokens = makeSqliteTable(ALL_TABLES.wrongTokens);
export const meta = makeSqliteTable(ALL_TABLES.meta);
