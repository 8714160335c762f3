import type { Connection } from './connection.js';
import { createContacts, type Contacts } from './contacts.js';
import { createConversations, type Conversations } from './conversations.js';
import { createFights, type Fights } from './fights.js';
import { createEndedLogins, type EndedLogins } from './ended-logins.js';
import { createInbox, type Inbox } from './inbox.js';
import { createLifecycles, type Lifecycles } from './lifecycles.js';
import { createMembers, type Members } from './members.js';
import { createMeta, type Meta } from './meta.js';
import { createOutbox, type Outbox } from './outbox.js';
import { createScrubber, type Scrubber } from './payload-scrub.js';
import { createPayloads, type Payloads } from './payloads.js';
import { createPersonMarks, type PersonMarks } from './person-marks.js';
import { createParkedObjects, type ParkedObjects } from './parked-objects.js';
import { createRates, type Rates } from './rates.js';
import { createReplicas, type Replicas } from './replicas.js';
import { createReportedMembers, type ReportedMembers } from './reported-members.js';
import { createRuns, type Runs } from './runs.js';
import { createSweeps, type Sweeps } from './sweeps.js';
import { createWebhookHours, type WebhookHours } from './webhook-hours.js';
import { createWorkBell, type WorkBell } from '../work-bell.js';
import { createWrites, type Writes } from './writes.js';
import { createWrongTokens, type WrongTokens } from './wrong-tokens.js';

/** All table groups on one connection, for the units of work that touch several of them. */
export interface Tables {
  readonly connection: Connection;
  /** Report time zone. */
  readonly timeZone: string;
  readonly bell: WorkBell;
  readonly inbox: Inbox;
  readonly payloads: Payloads;
  readonly hours: WebhookHours;
  readonly contacts: Contacts;
  readonly conversations: Conversations;
  readonly lifecycles: Lifecycles;
  readonly marks: PersonMarks;
  readonly scrubber: Scrubber;
  readonly members: Members;
  readonly reportedMembers: ReportedMembers;
  readonly writes: Writes;
  readonly outbox: Outbox;
  readonly fights: Fights;
  readonly runs: Runs;
  readonly sweeps: Sweeps;
  readonly parkedObjects: ParkedObjects;
  readonly endedLogins: EndedLogins;
  readonly replicas: Replicas;
  readonly rates: Rates;
  readonly wrongTokens: WrongTokens;
  readonly meta: Meta;
}

/** @param receiving the connection that notifications are stored on, where that is to go on when all else may not. */
export function createTables(
  connection: Connection,
  timeZone: string,
  receiving: Pick<Connection, 'transact'> = connection,
): Tables {
  const bell = createWorkBell();
  const writes = createWrites(connection);
  const meta = createMeta(connection);
  const marks = createPersonMarks(connection, meta);
  const hours = createWebhookHours(connection);
  const payloads = createPayloads(connection);
  const scrubber = createScrubber({ connection, meta, marks, payloads });
  return {
    connection,
    timeZone,
    bell,
    writes,
    meta,
    marks,
    scrubber,
    hours,
    payloads,
    inbox: createInbox({ connection, bell, hours, scrubber, payloads, receiving }),
    contacts: createContacts(connection, timeZone),
    conversations: createConversations(connection),
    lifecycles: createLifecycles(connection),
    members: createMembers(connection),
    reportedMembers: createReportedMembers(connection),
    outbox: createOutbox(connection, writes, meta, bell),
    fights: createFights(connection),
    runs: createRuns(connection, meta),
    sweeps: createSweeps(connection),
    parkedObjects: createParkedObjects(connection),
    endedLogins: createEndedLogins(connection),
    replicas: createReplicas(connection),
    rates: createRates(connection),
    wrongTokens: createWrongTokens(connection),
  };
}
