import { z } from 'zod';
import { CHANNELS } from '../../rules/vocabulary.js';
import { memberHref } from '../addresses.js';
import type { Filter } from './filters.js';
import type { ReportColumn } from './report-page.js';

/** Filters and columns that several reports share. */

export const coachFilter: Filter = {
  kind: 'choices',
  name: 'coach',
  label: 'Coach',
  choices: ({ coaches }) => coaches.map(({ id, name }) => ({ value: id, name: name ?? id })),
};

export const employerFilter: Filter = {
  kind: 'choices',
  name: 'employer',
  label: 'Employer',
  choices: ({ employers }) => employers.map((name) => ({ value: name, name })),
};

export const channelFilter: Filter = {
  kind: 'choices',
  name: 'channel',
  label: 'Channel',
  choices: () => CHANNELS.map((name) => ({ value: name, name })),
};

export const lookbackFilter: Filter = {
  kind: 'number',
  name: 'lookbackDays',
  label: 'Days back',
  min: 1,
  max: 365,
  fallback: 365,
};

/** Who a row is about: fields of a row's schema. */
export const memberOfRow = {
  memberId: z.string(),
  contactId: z.string(),
  memberName: z.string().nullable(),
  client: z.string().nullable(),
} as const;
const memberSchema = z.object(memberOfRow);
type MemberOfRow = z.output<typeof memberSchema>;

export function memberColumn<Row extends MemberOfRow>(): ReportColumn<Row> {
  return {
    name: 'Member',
    key: 'memberName',
    isRowHeader: true,
    value: ({ memberName }) => memberName,
    cell: ({ contactId, memberName, memberId }) => (
      <a href={memberHref(contactId)}>{memberName ?? memberId}</a>
    ),
  };
}

export function memberIdColumn<Row extends Pick<MemberOfRow, 'memberId'>>(): ReportColumn<Row> {
  return {
    name: 'User ID',
    key: 'memberId',
    width: 'id',
    value: ({ memberId }) => memberId,
    cell: ({ memberId }) => memberId,
  };
}

export function employerColumn<Row extends MemberOfRow>(): ReportColumn<Row> {
  return { name: 'Employer', key: 'client', value: ({ client }) => client, cell: ({ client }) => client };
}

/** "from 29 to 56 days": how a bucket's limits read. */
export function daysText(fromDays: number, toDays: number | null): string {
  if (toDays === null) return `over ${fromDays - 1} days`;
  return fromDays === 0 ? `up to ${toDays} days` : `${fromDays} to ${toDays} days`;
}
