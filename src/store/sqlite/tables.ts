import type { Connection } from './connection.js';
import { createContacts, type Contacts } from './contacts.js';
import { createConversations, type Conversations } from './conversations.js';
import { createEndedSessions, type EndedSessions } from './ended-sessions.js';
import { createInbox, type Inbox } from './inbox.js';
import { createLifecycles, type Lifecycles } from './lifecycles.js';
import { createMembers, type Members } from './members.js';
import { createMeta, type Meta } from './meta.js';
import { createOutbox, type Outbox } from './outbox.js';
import { createReportedMembers, type ReportedMembers } from './reported-members.js';
import { createRuns, type Runs } from './runs.js';
import { createSweeps, type Sweeps } from './sweeps.js';
import { createWorkBell, type WorkBell } from './work-bell.js';
import { createWrites, type Writes } from './writes.js';

/** All table groups on one connection, for the units of work that touch several of them. */
export interface Tables {
  readonly connection: Connection;
  readonly bell: WorkBell;
  readonly inbox: Inbox;
  readonly contacts: Contacts;
  readonly conversations: Conversations;
  readonly lifecycles: Lifecycles;
  readonly members: Members;
  readonly reportedMembers: ReportedMembers;
  readonly writes: Writes;
  readonly outbox: Outbox;
  readonly runs: Runs;
  readonly sweeps: Sweeps;
  readonly endedSessions: EndedSessions;
  readonly meta: Meta;
}

export function createTables(connection: Connection, timeZone: string): Tables {
  const bell = createWorkBell();
  const writes = createWrites(connection);
  const meta = createMeta(connection);
  return {
    connection,
    bell,
    writes,
    meta,
    inbox: createInbox(connection, bell),
    contacts: createContacts(connection, timeZone),
    conversations: createConversations(connection),
    lifecycles: createLifecycles(connection),
    members: createMembers(connection),
    reportedMembers: createReportedMembers(connection, timeZone),
    outbox: createOutbox(connection, writes, bell),
    runs: createRuns(connection, meta),
    sweeps: createSweeps(connection),
    endedSessions: createEndedSessions(connection),
  };
}
