import { isDeepStrictEqual } from 'node:util';
import { DERIVED_BY, refuseOtherSettings } from '../derived-by.js';
import { contactColumns } from '../plan/contact-row.js';
import { derivedColumns, derivedMember } from '../plan/derive-again.js';
import type { ReportedMember } from '../plan/reported-member.js';
import type { ConversationRow } from '../plan/rows.js';
import type { OwnSettings } from '../ports/service-settings.js';
import { ALL_TABLES } from '../tables/all-tables.js';
import type { MetaPart } from './core-parts.js';
import type { Database, Query, Unit } from './database.js';
import { OWN_TABLES } from './migrations.js';
import { createTableRows } from './table-rows.js';

const CONTACTS = createTableRows(ALL_TABLES.contacts, ['id']);
const CONVERSATIONS = createTableRows(ALL_TABLES.conversations, ['id']);
const MEMBERS = createTableRows(ALL_TABLES.members, ['contactId']);
const REPORTED = createTableRows(ALL_TABLES.reportedMembers, ['contactId']);
/** How many rows are brought in step at a time. */
const BATCH = 500;

/**
 * Brings the database in step with this program and these settings, or for a command sees that it is: a service may be
 * using it. A new database a command may begin. In another report time zone statuses and their next changes are others
 * too: every member is decided again, as if its time had come. Processes that work with what was before find that out
 * with their next unit.
 * @throws AppError for a command `config_invalid` or `store_unavailable`
 */
export async function bringInStep(
  database: Database,
  meta: MetaPart,
  own: OwnSettings,
  role: 'service' | 'command',
): Promise<void> {
  const isInStep = await database.read((query) => compareWithLeft(query, meta, own, role));
  if (isInStep) return;
  await database.unit(
    async (unit) => {
      // Another process that started at the same time may just have done it.
      if (await compareWithLeft(unit, meta, own, role)) return;
      await rebuildDerived(unit, meta, own.timeZone);
      const { settings } = own;
      if (role === 'service' && settings !== undefined) await meta.save(unit, { service_settings: settings });
    },
    { isDurable: true, first: OWN_TABLES },
  );
}

/** Whether nothing is to be done. */
async function compareWithLeft(
  query: Query,
  meta: MetaPart,
  own: OwnSettings,
  role: 'service' | 'command',
): Promise<boolean> {
  const left = await meta.read(query, ['report_time_zone', 'service_settings', 'derived_by']);
  const { report_time_zone: timeZone, service_settings: settings, derived_by: derivedBy } = left;
  if (role === 'command') refuseOtherSettings(own, { timeZone, settings, derivedBy });
  const hasSettings = role === 'command' || own.settings === undefined;
  return (
    timeZone === own.timeZone &&
    derivedBy === DERIVED_BY &&
    (hasSettings || isDeepStrictEqual(settings, own.settings))
  );
}

async function rebuildDerived(unit: Unit, meta: MetaPart, timeZone: string): Promise<void> {
  const left = await meta.read(unit, ['report_time_zone', 'derived_by']);
  const before = left.report_time_zone;
  const isOlder = left.derived_by !== DERIVED_BY;
  if (before === timeZone && !isOlder) return;
  if (before !== null) {
    await deriveContacts(unit, timeZone);
    // What counts otherwise now, or was written in a form that is read now, changes what should stand in Intercom.
    if (isOlder) await deriveConversations(unit);
    await deriveMembers(unit, timeZone);
  }
  if (before !== null && before !== timeZone) {
    await unit.run('update members set next_change_at = 0, next_change_on = null, next_change_to = null');
  }
  await meta.save(unit, { report_time_zone: timeZone, derived_by: DERIVED_BY }, { renewsReports: true });
}

const AFTER = `id > @afterId order by id limit ${BATCH}`;

async function deriveContacts(unit: Query, timeZone: string): Promise<void> {
  await inBatches(
    (afterId) => CONTACTS.find(unit, AFTER, { afterId }),
    ({ id }) => id,
    (rows) =>
      CONTACTS.put(
        unit,
        rows.map((row) => ({ ...row, ...contactColumns(row, timeZone) })),
      ),
  );
}

async function deriveConversations(unit: Query): Promise<void> {
  await inBatches(
    (afterId) => CONVERSATIONS.find(unit, AFTER, { afterId }),
    ({ id }) => id,
    async (rows) => {
      const changed = rows.flatMap((row) => {
        const derived = { ...row, ...derivedColumns(row) };
        return isDeepStrictEqual(derived, row) ? [] : [derived];
      });
      await CONVERSATIONS.put(unit, changed);
      await unit.run(
        'update members set next_change_at = 0 where contact_id = any (@ids) and decided_at_ms is not null',
        { ids: changed.flatMap(({ contactId }) => contactId ?? []) },
      );
    },
  );
}

async function deriveMembers(unit: Query, timeZone: string): Promise<void> {
  await inBatches(
    (afterId) => MEMBERS.find(unit, `contact_id > @afterId order by contact_id limit ${BATCH}`, { afterId }),
    ({ contactId }) => contactId,
    async (members) => {
      const ids = members.map(({ contactId }) => contactId);
      const contacts = new Map(
        (await CONTACTS.find(unit, 'id = any (@ids)', { ids })).map((row) => [row.id, row]),
      );
      const conversations = Map.groupBy(
        await CONVERSATIONS.find(unit, 'contact_id = any (@ids) order by id', { ids }),
        ({ contactId }) => contactId,
      );
      const reported: ReportedMember[] = [];
      const recount: ConversationRow[] = [];
      for (const member of members) {
        const { contactId } = member;
        const contact = contacts.get(contactId);
        if (contact?.role !== 'user') continue;
        const derived = derivedMember(member, contact, conversations.get(contactId) ?? [], timeZone);
        reported.push(derived.reported);
        recount.push(...derived.recount);
      }
      await CONVERSATIONS.put(unit, recount);
      await REPORTED.put(unit, reported);
    },
  );
}

/** All rows of a table in order of their key, so that memory stays flat. */
async function inBatches<Found>(
  after: (afterId: string) => Promise<Found[]>,
  keyOf: (row: Found) => string,
  work: (rows: readonly Found[]) => Promise<void>,
): Promise<void> {
  let rows = await after('');
  while (rows.length > 0) {
    await work(rows);
    const last = rows.at(-1);
    rows = last === undefined || rows.length < BATCH ? [] : await after(keyOf(last));
  }
}
