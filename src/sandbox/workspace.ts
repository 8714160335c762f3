import { createAttributeActs, type AttributeActs } from './attribute-acts.js';
import { createCallLog, type CallLog } from './call-log.js';
import { createContactActs, type ContactActs } from './contacts.js';
import { createConversationActs, type ConversationActs } from './conversations.js';
import { createCallFaults, createDeliveryFaults, type CallFaults, type DeliveryFaults } from './faults.js';
import { makeNotification } from './notification.js';
import { createRandom } from './random.js';
import { createRateWindows, type RateWindows } from './rate-windows.js';
import type { ContactRecord, ConversationRecord } from './records.js';
import { completeSettings, type WorkspaceOptions, type WorkspaceSettings } from './settings.js';
import { contactOf, conversationOf, createState, type WorkspaceState } from './state.js';
import { createWebhookSender, type WebhookSender } from './webhooks.js';

/**
 * A look-alike Intercom workspace in memory: acted in through the methods, read through {@link createSandboxApp},
 * heard of through {@link Workspace.webhooks}.
 */
export interface Workspace extends ContactActs, ConversationActs, AttributeActs {
  readonly settings: WorkspaceSettings;
  /** As it is now, whatever search knows; refuses an unknown id. */
  contact(id: string): ContactRecord;
  conversation(id: string): ConversationRecord;
  contacts(): readonly ContactRecord[];
  conversations(): readonly ConversationRecord[];
  /** Lets the search index learn at once what it lags behind with. */
  catchUpSearch(): void;
  /** Every request that came. */
  readonly calls: CallLog;
  readonly windows: RateWindows;
  readonly faults: CallFaults;
  readonly deliveryFaults: DeliveryFaults;
  readonly webhooks: WebhookSender;
  /** The insides, for the other files of the sandbox. */
  readonly state: WorkspaceState;
}

/** Creates a workspace with six coaches and the attributes of the product, without contacts or conversations. */
export function createWorkspace(options: WorkspaceOptions = {}): Workspace {
  const settings = completeSettings(options);
  const deliveryFaults = createDeliveryFaults(createRandom(settings.seed + 1));
  const webhooks = createWebhookSender(settings, deliveryFaults);
  const state = createState(settings, (event, createdAt) =>
    webhooks.send(makeNotification(state, event, createdAt)),
  );
  return {
    settings,
    ...createContactActs(state),
    ...createConversationActs(state),
    ...createAttributeActs(state),
    contact: (id) => contactOf(state, id),
    conversation: (id) => conversationOf(state, id),
    contacts: () => [...state.contacts.values()],
    conversations: () => [...state.conversations.values()],
    catchUpSearch: () => {
      state.contacts.catchUp();
      state.conversations.catchUp();
    },
    calls: createCallLog(settings.logLength),
    windows: createRateWindows(settings.clock, settings.rateLimit),
    faults: createCallFaults(createRandom(settings.seed)),
    deliveryFaults,
    webhooks,
    state,
  };
}
