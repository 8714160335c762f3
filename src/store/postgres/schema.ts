import { ALL_TABLES } from '../tables/all-tables.js';
import { makePostgresTable } from './make-table.js';

/* What the tables are is described in `src/store/tables`; `npm run migration` compares this with the last migration. */

export const contacts = makePostgresTable(ALL_TABLES.contacts);
export const conversations = makePostgresTable(ALL_TABLES.conversations);
export const lifecycles = makePostgresTable(ALL_TABLES.lifecycles);
export const coaches = makePostgresTable(ALL_TABLES.coaches);
export const members = makePostgresTable(ALL_TABLES.members);
export const reportedMembers = makePostgresTable(ALL_TABLES.reportedMembers);
export const inbox = makePostgresTable(ALL_TABLES.inbox);
export const payloads = makePostgresTable(ALL_TABLES.payloads);
export const writes = makePostgresTable(ALL_TABLES.writes);
export const fights = makePostgresTable(ALL_TABLES.fights);
export const outbox = makePostgresTable(ALL_TABLES.outbox);
export const runs = makePostgresTable(ALL_TABLES.runs);
export const sweepFound = makePostgresTable(ALL_TABLES.sweepFound);
export const sweepSeen = makePostgresTable(ALL_TABLES.sweepSeen);
export const sweepCounted = makePostgresTable(ALL_TABLES.sweepCounted);
export const parkedObjects = makePostgresTable(ALL_TABLES.parkedObjects);
export const drift = makePostgresTable(ALL_TABLES.drift);
export const personMarks = makePostgresTable(ALL_TABLES.personMarks);
export const erasing = makePostgresTable(ALL_TABLES.erasing);
export const webhookHours = makePostgresTable(ALL_TABLES.webhookHours);
export const endedLogins = makePostgresTable(ALL_TABLES.endedLogins);
export const replicas = makePostgresTable(ALL_TABLES.replicas);
export const rateWindows = makePostgresTable(ALL_TABLES.rateWindows);
export const wrongTokens = makePostgresTable(ALL_TABLES.wrongTokens);
export const meta = makePostgresTable(ALL_TABLES.meta);
