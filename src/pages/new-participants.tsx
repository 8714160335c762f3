import { z } from 'zod';
import { newParticipants } from '../reports/new-participants.js';
import { NEW_PARTICIPANT_BUCKETS } from '../rules/vocabulary.js';
import { Bars } from './parts/bars.js';
import { Tiles } from './parts/tiles.js';
import { Day, Instant } from './parts/when.js';
import {
  channelFilter,
  coachFilter,
  daysText,
  employerColumn,
  employerFilter,
  lookbackFilter,
  memberColumn,
  memberIdColumn,
  memberOfRow,
} from './report/common.js';
import { summaryCount, type AboveFacts, type ReportPage } from './report/report-page.js';

const row = z.object({
  ...memberOfRow,
  participantOn: z.string(),
  firstSessionAt: z.number().nullable(),
  lastSessionAt: z.number().nullable(),
  coachNames: z.array(z.string()),
  daysWithoutSession: z.number(),
});
type Row = z.output<typeof row>;

export const newParticipantsPage: ReportPage<Row> = {
  path: '/intercom/new-participants',
  report: newParticipants,
  rowsIn: 'participants',
  row,
  noun: 'participant',
  filters: [
    lookbackFilter,
    { kind: 'date', name: 'enrolledFrom', label: 'Enrolled from' },
    { kind: 'date', name: 'enrolledTo', label: 'Enrolled to' },
    coachFilter,
    employerFilter,
    channelFilter,
  ],
  order: { column: 'daysWithoutSession', direction: 'descending' },
  columns: (zone) => [
    memberColumn(),
    memberIdColumn(),
    employerColumn(),
    {
      name: 'Enrolled',
      key: 'participantOn',
      value: ({ participantOn }) => participantOn,
      cell: ({ participantOn }) => <Day on={participantOn} />,
    },
    {
      name: 'First session',
      key: 'firstSessionAt',
      value: ({ firstSessionAt }) => firstSessionAt,
      cell: ({ firstSessionAt }) => <Instant at={firstSessionAt} zone={zone} />,
    },
    {
      name: 'Last session',
      key: 'lastSessionAt',
      value: ({ lastSessionAt }) => lastSessionAt,
      cell: ({ lastSessionAt }) => <Instant at={lastSessionAt} zone={zone} />,
    },
    {
      name: 'Coaches',
      key: 'coachNames',
      value: ({ coachNames }) => coachNames[0] ?? null,
      cell: ({ coachNames }) => coachNames.join(', '),
    },
    {
      name: 'Days without a session',
      key: 'daysWithoutSession',
      isNumber: true,
      value: ({ daysWithoutSession }) => daysWithoutSession,
      cell: ({ daysWithoutSession }) => daysWithoutSession,
    },
  ],
  above: (facts) => Promise.resolve(showAbove(facts)),
};

function showAbove({ body }: AboveFacts) {
  const total = Number(body['total']);
  const buckets = NEW_PARTICIPANT_BUCKETS.map(({ name, fromDays, toDays }) => ({
    name: daysText(fromDays, toDays),
    count: summaryCount(body, name),
  }));
  const late = buckets.reduce((sum, { count }) => sum + count, 0);
  const [first] = NEW_PARTICIPANT_BUCKETS;
  return (
    <>
      <Tiles
        label="Participants by days without a session"
        tiles={[
          { name: 'Participants', count: total },
          ...buckets.map((bucket) => ({ ...bucket, note: 'without a session' })),
        ]}
      />
      <Bars
        title="Days without a coaching session"
        whole={total}
        bars={[
          { name: daysText(0, first.fromDays - 1), count: total - late, tone: 'engaged' },
          ...buckets.map((bucket, index) => ({ ...bucket, tone: index < 2 ? 'at-risk' : 'unengaged' })),
        ]}
      />
    </>
  );
}
