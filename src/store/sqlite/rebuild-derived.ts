import { AppError } from '../../errors.js';
import { whyNotTheSame, type OwnSettings } from '../ports/service-settings.js';
import { conversationFacts } from '../plan/conversation-row.js';
import { storedDecision } from '../plan/member-row.js';
import { reportedMember } from '../plan/reported-member.js';
import { settingsRefused } from './settings-fit.js';
import type { Tables } from './tables.js';

/** Raise it when a derived column is added or worked out otherwise: the next start fills it for all rows there are. */
export const DERIVED_BY = 4;

/** How many members are brought in step at a time. */
const BATCH = 1000;

/**
 * Columns that reports read are worked out when a row is stored. They are worked out again where that was done for
 * another report time zone, or by a program that did not know them all. In another zone statuses and their next changes
 * are others too: every member is decided again, as if its time had come.
 */
export function rebuildDerived(tables: Tables, timeZone: string): void {
  const { connection, meta } = tables;
  const isUpToDate = (): boolean =>
    meta.read('report_time_zone') === timeZone && meta.read('derived_by') === DERIVED_BY;
  if (isUpToDate()) return;
  connection.transact(() => {
    // Another process that started at the same time may just have done it.
    if (isUpToDate()) return;
    const before = meta.read('report_time_zone');
    if (before !== null) deriveAll(tables);
    if (before !== null && before !== timeZone) tables.members.decideAllAgain();
    meta.save('report_time_zone', timeZone);
    meta.save('derived_by', DERIVED_BY);
    meta.renewDataVersion();
  });
}

/**
 * The same check for a process that must not change what a service stands on; a new database it may begin.
 * @throws AppError `config_invalid` or `store_unavailable`
 */
export function refuseToRebuild({ meta }: Tables, own: OwnSettings): void {
  const timeZone = meta.read('report_time_zone');
  if (timeZone === null) return;
  refuseOtherGeneration(meta.read('derived_by'));
  const why = whyNotTheSame(own, { timeZone, settings: meta.read('service_settings') });
  if (why !== null) throw settingsRefused(why);
}

/** @throws AppError `store_unavailable` when the derived columns are not those that this program knows. */
export function refuseOtherGeneration(derivedBy: unknown): void {
  if (derivedBy === DERIVED_BY) return;
  const isNewer = typeof derivedBy === 'number' && derivedBy > DERIVED_BY;
  throw new AppError(
    'store_unavailable',
    'never',
    isNewer
      ? 'the database has been used by a newer version of this program: start that version'
      : 'the database was last used by an older version of this program: start the service once',
  );
}

function deriveAll(tables: Tables): void {
  const { contacts, conversations, members, meta } = tables;
  contacts.rebuildColumns();
  // What counts otherwise now, or was written in a form that is read now, changes what should stand in Intercom.
  if (meta.read('derived_by') !== DERIVED_BY) members.decideAgain([...conversations.rebuildColumns()]);
  let ids = contacts.userIdsAfter(null, BATCH);
  while (ids.length > 0) {
    for (const id of ids) rebuildReported(tables, id);
    ids = contacts.userIdsAfter(ids.at(-1) ?? null, BATCH);
  }
}

function rebuildReported(
  { contacts, conversations, members, reportedMembers, timeZone }: Tables,
  id: string,
): void {
  const [member, contact] = [members.find(id), contacts.find(id)];
  if (member === undefined || contact === undefined) return;
  const rows = conversations.ofContact(id);
  for (const row of rows) {
    if (row.reportedAt !== row.sessionAt) conversations.put({ ...row, reportedAt: row.sessionAt });
  }
  const decided = member.decidedAtMs === null ? null : storedDecision(member);
  reportedMembers.put(reportedMember(contact, rows.map(conversationFacts), decided, timeZone));
}
