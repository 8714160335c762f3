import { ALL_TABLES } from '../tables/all-tables.js';
import { createJsonRows } from './json-rows.js';
import { createTableRows } from './table-rows.js';

/** Whole rows of the tables that units of work load and save. */
export const ROWS = {
  contacts: createTableRows(ALL_TABLES.contacts, ['id']),
  conversations: createTableRows(ALL_TABLES.conversations, ['id']),
  lifecycles: createTableRows(ALL_TABLES.lifecycles, ['kind', 'id']),
  members: createTableRows(ALL_TABLES.members, ['contactId']),
  reportedMembers: createTableRows(ALL_TABLES.reportedMembers, ['contactId']),
  outbox: createTableRows(ALL_TABLES.outbox, ['contactId']),
  fights: createTableRows(ALL_TABLES.fights, ['contactId', 'attribute']),
  writes: createTableRows(ALL_TABLES.writes, ['id']),
  inbox: createTableRows(ALL_TABLES.inbox, ['id']),
  meta: createTableRows(ALL_TABLES.meta, ['name']),
  coaches: createTableRows(ALL_TABLES.coaches, ['id']),
} as const;

/** The same, several tables in one answer. */
export const JSON_ROWS = {
  contacts: createJsonRows(ALL_TABLES.contacts, ROWS.contacts),
  conversations: createJsonRows(ALL_TABLES.conversations, ROWS.conversations),
  lifecycles: createJsonRows(ALL_TABLES.lifecycles, ROWS.lifecycles),
  members: createJsonRows(ALL_TABLES.members, ROWS.members),
  outbox: createJsonRows(ALL_TABLES.outbox, ROWS.outbox),
  fights: createJsonRows(ALL_TABLES.fights, ROWS.fights),
  writes: createJsonRows(ALL_TABLES.writes, ROWS.writes),
  coaches: createJsonRows(ALL_TABLES.coaches, ROWS.coaches),
} as const;
