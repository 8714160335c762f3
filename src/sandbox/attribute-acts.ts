import { addAttribute, type NewAttribute } from './attributes.js';
import { invalid } from './refusal.js';
import type { AttributeModel, AttributeRecord, AttributeValues } from './records.js';
import type { WorkspaceState } from './state.js';

/** What an administrator does in the workspace's settings. No topic tells of any of it. */
export interface AttributeActs {
  addAttribute(attribute: NewAttribute): AttributeRecord;
  /** Every contact's value moves to the new name; contacts' `updated_at` stays. */
  renameContactAttribute(name: string, newName: string): void;
  renameConversationAttribute(name: string, newName: string): void;
  /** It keeps its name taken, and can't be written any more. */
  archiveAttribute(model: AttributeModel, name: string): void;
  /** As if it had never been there: its values go too. */
  removeAttribute(model: AttributeModel, name: string): void;
}

export function createAttributeActs(state: WorkspaceState): AttributeActs {
  return {
    addAttribute: (attribute) => addAttribute(state, attribute),
    renameContactAttribute: (name, newName) => {
      changeRecord(state, 'contact', name, (record) => ({
        ...record,
        name: newName,
        updatedAt: state.nowAt(),
      }));
      moveValues(state, 'contact', name, newName);
    },
    renameConversationAttribute: (name, newName) => {
      changeRecord(state, 'conversation', name, (record) => ({
        ...record,
        name: newName,
        updatedAt: state.nowAt(),
      }));
      moveValues(state, 'conversation', name, newName);
    },
    archiveAttribute: (model, name) =>
      changeRecord(state, model, name, (record) => ({ ...record, archived: true, updatedAt: state.nowAt() })),
    removeAttribute: (model, name) => {
      state.attributes[model] = state.attributes[model].filter((known) => known.name !== name);
      if (model !== 'company') moveValues(state, model, name, null);
    },
  };
}

function changeRecord(
  state: WorkspaceState,
  model: AttributeModel,
  name: string,
  change: (record: AttributeRecord) => AttributeRecord,
): void {
  if (!state.attributes[model].some((known) => known.name === name))
    throw invalid(`No ${model} attribute '${name}'`);
  state.attributes[model] = state.attributes[model].map((known) =>
    known.name === name ? change(known) : known,
  );
}

function moveValues(
  state: WorkspaceState,
  model: 'contact' | 'conversation',
  from: string,
  to: string | null,
): void {
  const moved = (values: AttributeValues): AttributeValues => {
    const { [from]: value, ...others } = values;
    return to === null || value === undefined ? others : { ...others, [to]: value };
  };
  if (model === 'contact') {
    for (const contact of state.contacts.values()) {
      if (from in contact.customAttributes) {
        state.contacts.put({ ...contact, customAttributes: moved(contact.customAttributes) });
      }
    }
    return;
  }
  for (const conversation of state.conversations.values()) {
    if (from in conversation.customAttributes) {
      state.conversations.put({ ...conversation, customAttributes: moved(conversation.customAttributes) });
    }
  }
}
