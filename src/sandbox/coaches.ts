import { pickChannel, pickServiceCode } from './population-history.js';
import { EMPLOYERS } from './population-names.js';
import type { Random } from './random.js';
import type { AttributeValues, ContactRecord, ConversationRecord } from './records.js';
import type { Workspace } from './workspace.js';

/**
 * A coach finishes a call: an open conversation of somebody's, or a new one, is closed with the attributes coaches
 * choose, slips included. Null in a workspace without members.
 */
export function closeRandomCall(workspace: Workspace, random: Random): ConversationRecord | null {
  const open = pickOf(random, openConversations(workspace));
  const conversation = open !== null && random.chance(0.5) ? open : startCall(workspace, random);
  if (conversation === null) return null;
  const { channel, sourceType } = pickChannel(random);
  const serviceCode = pickServiceCode(random, sourceType === 'phone_call');
  return workspace.closeConversation(conversation.id, { channel, serviceCode });
}

/** A teammate fixes or spoils something by hand. Null in a workspace without members. */
export function editRandomContact(
  workspace: Workspace,
  random: Random,
  mayUndo: (contactId: string) => boolean = () => true,
): { readonly contact: ContactRecord; readonly customAttributes: AttributeValues } | null {
  const member = pickOf(random, livingMembers(workspace));
  if (member === null) return null;
  const customAttributes: AttributeValues = random.weighted([
    [{ Employer: random.pick(EMPLOYERS) }, 3],
    [{ Referral: 'Counter Health' }, 3],
    ...(mayUndo(member.id)
      ? ([
          [{ 'Engagement Status': 'Unengaged' }, 1],
          [{ 'Eligible Programs': null }, 1],
        ] as const)
      : []),
  ]);
  return { contact: workspace.updateContact(member.id, { customAttributes }), customAttributes };
}

function startCall(workspace: Workspace, random: Random): ConversationRecord | null {
  const member = pickOf(random, livingMembers(workspace));
  if (member === null) return null;
  const coach = pickOf(random, workspace.state.admins);
  return workspace.addConversation({
    contactIds: [member.id],
    adminId: coach?.id ?? null,
    startedBy: 'admin',
    sourceType: 'phone_call',
  });
}

function openConversations(workspace: Workspace): readonly ConversationRecord[] {
  return workspace.conversations().filter((conversation) => conversation.state === 'open');
}

function livingMembers(workspace: Workspace): readonly ContactRecord[] {
  return workspace.contacts().filter((contact) => contact.role === 'user' && !contact.archived);
}

function pickOf<Item>(random: Random, items: readonly Item[]): Item | null {
  return items[random.between(0, items.length - 1)] ?? null;
}
