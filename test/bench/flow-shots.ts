import { systemClock, type Clock } from '../../src/clock.js';
import { createRandom } from '../../src/sandbox/random.js';
import { createWorkspace, type Workspace } from '../../src/sandbox/workspace.js';
import type { Shot } from './load.js';

const DAY_SECONDS = 86_400;
/** One in so many notifications is a counted close, which leads to a write. */
const CLOSE_EVERY = 100;
const CONVERSATIONS_PER_MEMBER = 10;

export interface FlowWorkspace {
  readonly workspace: Workspace;
  /** Acts in the workspace and answers its signed notifications, in the order of the acts. */
  readonly act: (notifications: number) => Promise<FlowShots>;
}

export interface FlowShots {
  readonly shots: readonly Shot[];
  /** Contacts whose call was closed: each is written once. */
  readonly closedFor: readonly string[];
}

/**
 * A workspace in which every attribute is right, and coaches who will be at work in it: replies, assignments, edits of
 * contacts and closed calls of members and conversations that have been there before.
 */
export function createFlowWorkspace(members: number): FlowWorkspace {
  let actingAtMs: number | null = null;
  const clock: Clock = { ...systemClock, nowMs: () => actingAtMs ?? systemClock.nowMs() };
  const workspace = createWorkspace({ clock, rateLimit: { perWindow: 1_000_000, windowMs: 10_000 } });
  const random = createRandom(7);
  const beganAt = Math.floor(systemClock.nowMs() / 1000) - 3 * 3600;
  const people = Array.from({ length: members }, (_, number) => addMember(workspace, number, beganAt));
  const coachIds = workspace.state.admins.map(({ id }) => id);
  workspace.catchUpSearch();

  /** Acts so far, and whose call is closed by now. */
  let acts = 0;
  const isClosed = new Set<string>();

  const act = async (notifications: number): Promise<FlowShots> => {
    const shots: Shot[] = [];
    const closedFor: string[] = [];
    workspace.webhooks.deliverTo(async (request) => {
      const body = new Uint8Array(await request.arrayBuffer());
      const signature = request.headers.get('x-hub-signature') ?? '';
      shots.push({ body, headers: { 'content-type': 'application/json', 'x-hub-signature': signature } });
      return new Response();
    });
    for (const end = acts + notifications; acts < end; acts += 1) {
      // A second each: two snapshots of one second would have to be read.
      actingAtMs = (beganAt + 3600 + acts) * 1000;
      const { contactId, openId, callId } = people[random.between(0, members - 1)] ?? throwEmpty();
      const kind = random.between(1, 100);
      if (acts % CLOSE_EVERY === CLOSE_EVERY - 1) {
        const closing = people[isClosed.size] ?? throwEmpty();
        isClosed.add(closing.contactId);
        closedFor.push(closing.contactId);
        workspace.closeConversation(closing.callId, {
          channel: 'Phone',
          serviceCode: 'Health Coaching 001',
        });
      } else if (kind <= 40) workspace.replyToConversation(openId, 'user');
      else if (kind <= 65) workspace.replyToConversation(openId, 'admin');
      else if (kind <= 80) workspace.assignConversation(openId, coachIds[acts % coachIds.length] ?? 0);
      else if (isClosed.has(contactId)) workspace.replyToConversation(callId, 'admin');
      else workspace.updateContact(contactId, { customAttributes: { Employer: `Works ${acts}` } });
    }
    await workspace.webhooks.drained();
    workspace.webhooks.stop();
    actingAtMs = null;
    return { shots, closedFor };
  };
  return { workspace, act };
}

interface Person {
  readonly contactId: string;
  readonly openId: string;
  /** Open too, and closed at most once. */
  readonly callId: string;
}

/** A member whose next call moves Last Coaching Session and Last Call, and nothing else. */
function addMember(workspace: Workspace, number: number, beganAt: number): Person {
  const before = beganAt - 7 * DAY_SECONDS;
  const enrolledAt = before - 60 * DAY_SECONDS;
  const firstAt = before - (CONVERSATIONS_PER_MEMBER - 3) * DAY_SECONDS;
  const contactId = workspace.addContact({
    createdAt: enrolledAt,
    externalId: `M-${number}`,
    name: `Invented Member ${number}`,
    email: `member.${number}@members.example`,
    customAttributes: {
      'Enrolled Date': enrolledAt,
      'First Session Date': firstAt,
      'Last Coaching Session': before,
      'Last Call': before,
      'Engagement Status': 'Engaged',
      Employer: 'Works',
    },
  }).id;
  for (let at = firstAt; at <= before; at += DAY_SECONDS) {
    const call = workspace.addConversation({ contactIds: [contactId], createdAt: at - 600 });
    workspace.closeConversation(call.id, { at, channel: 'Phone', serviceCode: 'Health Coaching 001' });
  }
  const [openId, callId] = [1, 2].map(
    (hours) => workspace.addConversation({ contactIds: [contactId], createdAt: beganAt - hours * 3600 }).id,
  );
  if (openId === undefined || callId === undefined) throw new Error('two conversations were opened');
  return { contactId, openId, callId };
}

function throwEmpty(): never {
  throw new Error('a workspace without members');
}
