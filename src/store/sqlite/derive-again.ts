import { showInReports } from './recompute.js';
import type { Tables } from './tables.js';

/** Raise it when a derived column is added or worked out otherwise: the next start fills it for all rows there are. */
export const DERIVED_BY = 4;

/** How many members are brought in step at a time. */
const BATCH = 1000;

/**
 * Columns that reports read are worked out when a row is stored. They are worked out again where that was done for
 * another report time zone, or by a program that did not know them all.
 */
export function deriveAgain(tables: Tables, timeZone: string): void {
  const { connection, meta } = tables;
  const isUpToDate = (): boolean =>
    meta.read('report_time_zone') === timeZone && meta.read('derived_by') === DERIVED_BY;
  if (isUpToDate()) return;
  connection.transact(() => {
    // Another process that started at the same time may just have done it.
    if (isUpToDate()) return;
    if (meta.read('report_time_zone') !== null) deriveAll(tables);
    meta.save('report_time_zone', timeZone);
    meta.save('derived_by', DERIVED_BY);
    meta.renewDataVersion();
  });
}

function deriveAll(tables: Tables): void {
  const { contacts, conversations, members, meta } = tables;
  contacts.readAttributesAgain();
  // What counts otherwise now, or was written in a form that is read now, changes what should stand in Intercom.
  if (meta.read('derived_by') !== DERIVED_BY) members.decideAgain([...conversations.judgeAgain()]);
  let ids = contacts.userIdsAfter(null, BATCH);
  while (ids.length > 0) {
    for (const id of ids) {
      const contact = members.find(id) === undefined ? undefined : contacts.find(id);
      if (contact !== undefined) showInReports(tables, contact);
    }
    ids = contacts.userIdsAfter(ids.at(-1) ?? null, BATCH);
  }
}
