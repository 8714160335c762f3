import { beginScrubbing } from './payload-scrub.js';
import type { Tables } from './tables.js';

/**
 * Erases a contact for good: what is cached of it and of its conversations, stored payloads, and who its writes were
 * about. What stays is that there was a contact with this id, so that no late notification brings it back, and the
 * audit without names. Runs inside the caller's transaction; the write-ahead log has to be emptied after the commit.
 */
export function eraseContact(tables: Tables, contactId: string, nowMs: number): void {
  const { connection, contacts, conversations, lifecycles, meta, writes, outbox, sweeps, parkedObjects } =
    tables;
  // A contact that was merged into this one was the same person.
  const ids = [contactId, ...lifecycles.absorbedBy(contactId)];
  const conversationIds = conversations.ofContact(contactId).map((conversation) => conversation.id);
  for (const id of ids) {
    erasePayloads(connection.sqlite, id, conversationIds, nowMs);
    writes.supersede(
      writes.waiting(id).map((write) => write.id),
      nowMs,
    );
  }
  beginScrubbing(tables, ids);
  tables.bell.ring('erasure');
  writes.anonymise(ids);
  sweeps.forgetContacts(ids);
  parkedObjects.forgetContacts(ids);
  outbox.dropIfEmpty(contactId, nowMs);
  conversations.remove(conversationIds);
  // Its member rows go with it.
  contacts.remove(contactId);
  meta.renewDataVersion();
  lifecycles.record({
    kind: 'contact',
    id: contactId,
    state: 'deleted',
    at: Math.floor(nowMs / 1000),
    mergedIntoId: null,
  });
}

/** The payload of one entry, whatever it is about. */
export function erasePayload({ connection }: Tables, inboxId: number): void {
  connection.sqlite
    .prepare('update inbox set body = null, lane = null, subject_kind = null, subject_id = null where id = ?')
    .run(inboxId);
}

/**
 * An entry that has not been handled yet can't be handled without its payload, and has nothing to say any more: it
 * counts as ignored, whoever holds its lease.
 */
function erasePayloads(
  sqlite: Tables['connection']['sqlite'],
  contactId: string,
  conversationIds: readonly string[],
  nowMs: number,
): void {
  const erase = (where: string, ...parameters: string[]): void => {
    sqlite
      .prepare(
        `update inbox set body = null, lane = null, subject_kind = null, subject_id = null, lease_owner = null,
           settled_at_ms = case when status in ('waiting', 'parked') then ? else settled_at_ms end,
           reason = case when status in ('waiting', 'parked') then 'the contact was deleted' else reason end,
           status = case when status in ('waiting', 'parked') then 'ignored' else status end
         where ${where}`,
      )
      .run(nowMs, ...parameters);
  };
  // A payload that can't be read names no subject, but may well hold the contact.
  erase('subject_id is null and body is not null and instr(body, cast(? as blob)) > 0', `"${contactId}"`);
  erase('lane = ?', contactId);
  erase("subject_kind = 'contact' and subject_id = ? and body is not null", contactId);
  for (const id of conversationIds) {
    erase("subject_kind = 'conversation' and subject_id = ? and body is not null", id);
  }
}
