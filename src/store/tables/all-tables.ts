import { coaches, contacts, conversations, lifecycles, members, meta } from './cache-tables.js';
import { rateWindows, replicas, wrongTokens } from './replica-tables.js';
import { reportedMembers } from './report-tables.js';
import { drift, parkedObjects, sweepCounted, sweepFound, sweepSeen } from './sweep-tables.js';
import { endedLogins, erasing, personMarks, webhookHours } from './upkeep-tables.js';
import { fights, inbox, outbox, payloads, runs, writes } from './work-tables.js';

/** Every table, each behind those that its foreign keys name. */
export const ALL_TABLES = {
  contacts,
  conversations,
  lifecycles,
  coaches,
  members,
  reportedMembers,
  inbox,
  payloads,
  writes,
  fights,
  outbox,
  runs,
  sweepFound,
  sweepSeen,
  sweepCounted,
  parkedObjects,
  drift,
  personMarks,
  erasing,
  webhookHours,
  endedLogins,
  replicas,
  rateWindows,
  wrongTokens,
  meta,
} as const;
