import type { ReportedMember } from '../plan/reported-member.js';
import type { Connection } from './connection.js';
import { prepareUpsert } from './prepare-upsert.js';
import { reportedMembers } from './schema.js';

/** One narrow row per member for the reports. It goes with its member. */
export interface ReportedMembers {
  readonly put: (row: ReportedMember) => void;
}

export function createReportedMembers(connection: Connection): ReportedMembers {
  return { put: prepareUpsert(connection, reportedMembers, [reportedMembers.contactId]) };
}
