import { nowAt } from '../clock.js';
import { ATTRIBUTE_TYPES, CHANNEL_ATTRIBUTE, SERVICE_CODE_ATTRIBUTE } from '../rules/vocabulary.js';
import { notFound } from './refusal.js';
import type {
  AdminRecord,
  AttributeModel,
  AttributeRecord,
  AttributeType,
  ContactRecord,
  ConversationRecord,
  Departed,
  PartRecord,
} from './records.js';
import type { WorkspaceSettings } from './settings.js';
import { createShelf, type Shelf } from './shelf.js';

/** Something that Intercom would notify of. The payload is made at once, so later changes can't leak into it. */
export type WorkspaceEvent =
  | {
      readonly kind: 'contact';
      readonly topic: string;
      readonly contact: ContactRecord;
      readonly mergedFromId?: string;
    }
  /** Archived and deleted contacts: hardly more than the id. */
  | {
      readonly kind: 'contact-gone';
      readonly topic: 'contact.archived' | 'contact.deleted';
      readonly contact: ContactRecord;
    }
  | {
      readonly kind: 'conversation';
      readonly topic: string;
      readonly conversation: ConversationRecord;
      readonly part: PartRecord | null;
    }
  | { readonly kind: 'conversation-deleted'; readonly id: string };

/** The insides of a workspace, shared by the files that act on it. */
export interface WorkspaceState {
  readonly settings: WorkspaceSettings;
  readonly contacts: Shelf<ContactRecord>;
  readonly conversations: Shelf<ConversationRecord>;
  /** Contacts that were deleted or merged away, by their old id. */
  readonly departed: Map<string, Departed>;
  readonly admins: AdminRecord[];
  readonly attributes: Record<AttributeModel, AttributeRecord[]>;
  nowAt(): number;
  nextContactId(): string;
  nextConversationId(): string;
  nextPartId(): string;
  nextAttributeId(): number;
  notify(event: WorkspaceEvent, createdAt: number): void;
}

const FIRST_ADMINS: readonly (readonly [number, string, string])[] = [
  [5_210_001, 'Imani Okafor', 'Health Coach'],
  [5_210_002, 'Tomasz Wilk', 'Health Coach'],
  [5_210_003, 'Lucía Ferrán', 'Senior Health Coach'],
  [5_210_004, 'Grace Whitlock', 'Disease Management Nurse'],
  [5_210_005, 'Dev Anand Rao', 'Health Coach'],
  [5_210_006, 'Maren Thygesen', 'Care Navigator'],
];

/** An empty workspace with its coaches and the attributes that the product works with. */
export function createState(settings: WorkspaceSettings, notify: WorkspaceState['notify']): WorkspaceState {
  let contacts = 0;
  let conversations = 0;
  let parts = 0;
  let attributes = 0;
  const startedAt = nowAt(settings.clock);
  const attribute = (name: string, dataType: AttributeType): AttributeRecord => ({
    id: (attributes += 1),
    name,
    description: '',
    dataType,
    options: null,
    apiWritable: true,
    messengerWritable: false,
    archived: false,
    createdAt: startedAt,
    updatedAt: startedAt,
  });
  return {
    settings,
    contacts: createShelf(settings.clock, settings.searchLagMs),
    conversations: createShelf(settings.clock, settings.searchLagMs),
    departed: new Map(),
    admins: FIRST_ADMINS.map(([id, name, jobTitle]) => ({
      id,
      name,
      email: `coach${id % 1000}@sandbox.example`,
      jobTitle,
    })),
    attributes: {
      contact: Object.entries(ATTRIBUTE_TYPES).map(([name, type]) => attribute(name, type)),
      company: [],
      conversation: [CHANNEL_ATTRIBUTE, SERVICE_CODE_ATTRIBUTE].map((name) => attribute(name, 'string')),
    },
    nowAt: () => nowAt(settings.clock),
    // Ids look like Intercom's: 24 hex digits for contacts, digits for everything else.
    nextContactId: () => `6762f0d0${(contacts += 1).toString(16).padStart(16, '0')}`,
    nextConversationId: () => String(215_470_000_000_000 + (conversations += 1)),
    nextPartId: () => String(30_000_000_000 + (parts += 1)),
    nextAttributeId: () => (attributes += 1),
    notify,
  };
}

/** The contact with this id; refuses with 404 when there is none. */
export function contactOf(state: WorkspaceState, id: string): ContactRecord {
  const contact = state.contacts.get(id);
  if (contact === undefined) throw notFound('User Not Found');
  return contact;
}

/** The conversation with this id; refuses with 404 when there is none. */
export function conversationOf(state: WorkspaceState, id: string): ConversationRecord {
  const conversation = state.conversations.get(id);
  if (conversation === undefined) throw notFound('Resource Not Found');
  return conversation;
}
