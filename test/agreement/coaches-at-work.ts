import { createRandom, type Random } from '../../src/sandbox/random.js';
import type { Workspace } from '../../src/sandbox/workspace.js';
import type { NameParts } from './generated-workspace.js';

/**
 * What happens in a workspace on a busy morning, all of it told by webhooks.
 * @returns ids of the conversations that the service reads again because contacts were merged, however old they are.
 */
export function letCoachesWork(
  workspace: Workspace,
  nameParts: NameParts,
  { acts, seed }: { readonly acts: number; readonly seed: number },
): ReadonlySet<string> {
  const random = createRandom(seed);
  for (let act = 0; act < acts; act += 1) {
    const doOne = ACTS[random.between(0, ACTS.length - 1)];
    doOne?.(workspace, random, nameParts);
  }
  const survivors = new Set<string>();
  for (const departed of workspace.state.departed.values()) {
    if (departed.kind === 'merged') survivors.add(departed.intoId);
  }
  const ofSurvivors = workspace
    .conversations()
    .filter(({ contactIds }) => contactIds.some((id) => survivors.has(id)));
  return new Set(ofSurvivors.map(({ id }) => id));
}

type Act = (workspace: Workspace, random: Random, nameParts: NameParts) => void;

const ACTS: readonly Act[] = [
  (workspace, random) =>
    withConversation(workspace, random, (id) => {
      workspace.closeConversation(id, { channel: 'phone', serviceCode: 'Health Coaching 001' });
    }),
  (workspace, random) =>
    withConversation(workspace, random, (id) => {
      workspace.closeConversation(id, { channel: 'Video Conference', serviceCode: null });
    }),
  (workspace, random) =>
    withConversation(workspace, random, (id) => {
      workspace.reopenConversation(id);
    }),
  (workspace, random) =>
    withConversation(workspace, random, (id) => {
      workspace.assignConversation(id, 5_210_005);
    }),
  (workspace, random) =>
    withConversation(workspace, random, (id) => {
      workspace.deleteConversation(id);
    }),
  (workspace, random) =>
    withMember(workspace, random, (id) => {
      const createdAt = workspace.state.nowAt() - 1200;
      const call = workspace.addConversation({ contactIds: [id], adminId: 5_210_002, createdAt });
      workspace.closeConversation(call.id, { channel: 'Phone', serviceCode: 'Disease Management 002' });
    }),
  (workspace, random, nameParts) =>
    withMember(workspace, random, (id) => {
      nameParts.set('Another Name', ['Another', 'Name']);
      workspace.updateContact(id, {
        name: 'Another Name',
        customAttributes: { Employer: 'Moved AG', Referral: null },
      });
    }),
  (workspace, random) =>
    withMember(workspace, random, (id) => {
      const enrolledAt = Math.floor(workspace.state.nowAt() / 86_400) * 86_400;
      workspace.updateContact(id, {
        externalId: null,
        customAttributes: { 'Enrolled Date': enrolledAt, 'Engagement Status': 'Unengaged' },
      });
    }),
  (workspace, random) => withMember(workspace, random, (id) => workspace.archiveContact(id)),
  (workspace, random) => withMember(workspace, random, (id) => workspace.deleteContact(id)),
  (workspace, random) =>
    withMember(workspace, random, (absorbedId) =>
      withMember(workspace, random, (survivorId) => {
        if (absorbedId !== survivorId) workspace.mergeContacts(absorbedId, survivorId);
      }),
    ),
  (workspace, random) => {
    const archived = workspace.contacts().filter((contact) => contact.archived && contact.role === 'user');
    const one = archived[random.between(0, archived.length)];
    if (one !== undefined) workspace.unarchiveContact(one.id);
  },
  (workspace, random) => {
    const leads = workspace.contacts().filter((contact) => contact.role === 'lead' && !contact.archived);
    const one = leads[random.between(0, leads.length)];
    if (one !== undefined) workspace.signUpLead(one.id, `signed-up-${one.id.slice(-6)}`);
  },
];

/**
 * Not of archived contacts: those that were archived before the service knew them look live to it, because Intercom
 * does not say of a contact that it is archived.
 */
function withConversation(workspace: Workspace, random: Random, act: (id: string) => void): void {
  const archived = new Set(workspace.contacts().flatMap((one) => (one.archived ? [one.id] : [])));
  const conversations = workspace
    .conversations()
    .filter(({ contactIds }) => !contactIds.some((id) => archived.has(id)));
  const one = conversations[random.between(0, conversations.length - 1)];
  if (one !== undefined) act(one.id);
}

function withMember(workspace: Workspace, random: Random, act: (id: string) => void): void {
  const members = workspace.contacts().filter((contact) => contact.role === 'user' && !contact.archived);
  const one = members[random.between(0, members.length - 1)];
  if (one !== undefined) act(one.id);
}
