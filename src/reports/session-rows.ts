import { z } from 'zod';
import { CHANNELS } from '../rules/vocabulary.js';
import type { SessionRow } from '../store/ports/reports.js';
import { days, instant, memberFields } from '../http/columns.js';
import type { ReportContext } from './report.js';

/** Rows of `sessions` and of caseload's `sessions[]`. */
export const sessionRow = z.object({
  ...memberFields,
  coachId: z.string().nullable(),
  coachName: z.string().nullable(),
  channel: z.enum(CHANNELS),
  serviceCode: z.string().nullable(),
  time: instant,
  daysSince: days,
});

export function presentSession({ daysSinceAt }: ReportContext) {
  return (row: SessionRow): z.output<typeof sessionRow> => ({
    memberId: row.userId ?? row.contactId,
    contactId: row.contactId,
    memberName: row.name,
    memberEmail: row.email,
    client: row.employer,
    coachId: row.coachId,
    coachName: row.coachName,
    channel: row.channel,
    serviceCode: row.serviceCode,
    time: row.sessionAt,
    daysSince: daysSinceAt(row.sessionAt),
  });
}
