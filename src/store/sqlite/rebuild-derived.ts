import { DERIVED_BY, refuseOtherSettings } from '../derived-by.js';
import { derivedMember } from '../plan/derive-again.js';
import type { OwnSettings } from '../ports/service-settings.js';
import type { Tables } from './tables.js';

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
  refuseOtherSettings(own, {
    timeZone: meta.read('report_time_zone'),
    settings: meta.read('service_settings'),
    derivedBy: meta.read('derived_by'),
  });
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
  const { reported, recount } = derivedMember(member, contact, conversations.ofContact(id), timeZone);
  for (const row of recount) conversations.put(row);
  reportedMembers.put(reported);
}
