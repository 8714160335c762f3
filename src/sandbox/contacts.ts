import { randomUUID } from 'node:crypto';
import { attributesWith } from './attributes.js';
import type { AttributeValues, ContactRecord } from './records.js';
import { contactOf, type WorkspaceState } from './state.js';

export interface NewContact {
  readonly role?: 'user' | 'lead';
  /** The User ID; none unless given (a lead gets a uuid, as in Intercom). */
  readonly externalId?: string | null;
  readonly email?: string | null;
  readonly phone?: string | null;
  readonly name?: string | null;
  /** Unix seconds; now unless given. */
  readonly createdAt?: number;
  /** Stored as they are, unchecked, as imports once left them. */
  readonly customAttributes?: AttributeValues;
}

/** Standard fields and attributes to change; what is absent stays, a null attribute is cleared. */
export interface ContactPatch {
  readonly name?: string | null;
  readonly email?: string | null;
  readonly phone?: string | null;
  readonly externalId?: string | null;
  readonly ownerId?: number | null;
  readonly unsubscribedFromEmails?: boolean;
  readonly signedUpAt?: number | null;
  readonly lastSeenAt?: number | null;
  readonly customAttributes?: AttributeValues;
}

/** What teammates and users do to contacts. */
export interface ContactActs {
  /** Sends `contact.user.created` or `contact.lead.created`. */
  addContact(contact?: NewContact): ContactRecord;
  /** A teammate's edit by hand: nothing is checked. Sends `contact.user.updated` (or lead), `contact.email.updated`. */
  updateContact(id: string, patch: ContactPatch): ContactRecord;
  archiveContact(id: string): void;
  unarchiveContact(id: string): void;
  /** Deletes for good; its conversations stay. */
  deleteContact(id: string): void;
  /** The absorbed contact's conversations move to the survivor, its id is gone. Sends `contact.merged` only. */
  mergeContacts(absorbedId: string, survivorId: string): ContactRecord;
  /** A lead becomes a user. Sends `contact.lead.signed_up`. */
  signUpLead(id: string, externalId?: string): ContactRecord;
}

export function createContactActs(state: WorkspaceState): ContactActs {
  const notify = (topic: string, contact: ContactRecord): void =>
    state.notify({ kind: 'contact', topic, contact }, state.nowAt());

  return {
    addContact: (contact = {}) => {
      const record = newContact(state, contact);
      state.contacts.put(record);
      notify(`contact.${record.role}.created`, record);
      return record;
    },
    updateContact: (id, patch) => {
      const before = contactOf(state, id);
      const after = changeContact(state, before, patch);
      notify(`contact.${after.role}.updated`, after);
      if (after.email !== before.email) notify('contact.email.updated', after);
      return after;
    },
    archiveContact: (id) => {
      const contact = { ...contactOf(state, id), archived: true, updatedAt: state.nowAt() };
      state.contacts.put(contact);
      state.notify({ kind: 'contact-gone', topic: 'contact.archived', contact }, state.nowAt());
    },
    unarchiveContact: (id) => {
      const contact = { ...contactOf(state, id), archived: false, updatedAt: state.nowAt() };
      state.contacts.put(contact);
      notify(state.settings.unarchiveTopic, contact);
    },
    deleteContact: (id) => {
      const contact = contactOf(state, id);
      state.contacts.remove(id);
      state.departed.set(id, { kind: 'deleted' });
      state.notify({ kind: 'contact-gone', topic: 'contact.deleted', contact }, state.nowAt());
    },
    mergeContacts: (absorbedId, survivorId) => mergeContacts(state, absorbedId, survivorId),
    signUpLead: (id, externalId) => {
      const now = state.nowAt();
      const contact: ContactRecord = {
        ...contactOf(state, id),
        role: 'user',
        externalId: externalId ?? null,
        signedUpAt: now,
        updatedAt: now,
      };
      state.contacts.put(contact);
      notify('contact.lead.signed_up', contact);
      return contact;
    },
  };
}

/** A record that is on no shelf yet. */
export function newContact(state: WorkspaceState, contact: NewContact): ContactRecord {
  const role = contact.role ?? 'user';
  const createdAt = contact.createdAt ?? state.nowAt();
  return {
    id: state.nextContactId(),
    role,
    externalId: contact.externalId ?? (role === 'lead' ? randomUUID() : null),
    email: contact.email ?? null,
    phone: contact.phone ?? null,
    name: contact.name ?? null,
    ownerId: null,
    unsubscribedFromEmails: false,
    createdAt,
    updatedAt: createdAt,
    signedUpAt: role === 'user' ? createdAt : null,
    lastSeenAt: null,
    lastRepliedAt: null,
    lastContactedAt: null,
    archived: false,
    customAttributes: attributesWith(state, 'contact', {}, contact.customAttributes ?? {}),
    mergeHistory: [],
  };
}

/** Changes the contact now, without telling anybody. */
export function changeContact(
  state: WorkspaceState,
  before: ContactRecord,
  patch: ContactPatch,
): ContactRecord {
  const { customAttributes, ...fields } = patch;
  const after: ContactRecord = {
    ...before,
    ...fields,
    customAttributes: attributesWith(state, 'contact', before.customAttributes, customAttributes ?? {}),
    updatedAt: Math.max(before.updatedAt, state.nowAt()),
  };
  state.contacts.put(after);
  return after;
}

function mergeContacts(state: WorkspaceState, absorbedId: string, survivorId: string): ContactRecord {
  const absorbed = contactOf(state, absorbedId);
  const survivor = contactOf(state, survivorId);
  const now = state.nowAt();
  // Values of the absorbed contact fill the survivor's gaps, as when a lead turns out to be a known user.
  const merged: ContactRecord = {
    ...survivor,
    email: survivor.email ?? absorbed.email,
    phone: survivor.phone ?? absorbed.phone,
    name: survivor.name ?? absorbed.name,
    customAttributes: { ...absorbed.customAttributes, ...survivor.customAttributes },
    mergeHistory: [
      ...survivor.mergeHistory,
      { sourceContactId: absorbedId, sourceContactRole: absorbed.role, mergedAt: now },
    ],
    updatedAt: now,
  };
  state.contacts.remove(absorbedId);
  state.departed.set(absorbedId, { kind: 'merged', intoId: survivorId });
  state.contacts.put(merged);
  for (const conversation of state.conversations.values()) {
    if (!conversation.contactIds.includes(absorbedId)) continue;
    const contactIds = conversation.contactIds.map((id) => (id === absorbedId ? survivorId : id));
    state.conversations.put({ ...conversation, contactIds: [...new Set(contactIds)] });
  }
  state.notify({ kind: 'contact', topic: 'contact.merged', contact: merged, mergedFromId: absorbedId }, now);
  return merged;
}
