import { z } from 'zod';
import { billing } from '../reports/billing.js';
import { addDaysOn, monthWindow } from '../rules/calendar.js';
import { memberHref } from './addresses.js';
import { Bars } from './parts/bars.js';
import { shareText } from './parts/numbers.js';
import { Tiles } from './parts/tiles.js';
import { Day, InstantDay, monthText } from './parts/when.js';
import { employerFilter, memberIdColumn } from './report/common.js';
import { textOf, textsOf } from './report/filter-values.js';
import type { AboveFacts, ReportPage } from './report/report-page.js';

const row = z.object({
  memberId: z.string(),
  memberName: z.string().nullable(),
  memberEmail: z.string().nullable(),
  employer: z.string().nullable(),
  registrationAt: z.number().nullable(),
  registrationOn: z.string().nullable(),
  lastSessionAt: z.number().nullable(),
  isNewParticipant: z.boolean(),
  engagedDuringMonth: z.boolean(),
});
type Row = z.output<typeof row>;

/** A month that is over takes a look at each member's calls: one is enough to compare with. */
const MONTHS_BEFORE = 1;

export const billingPage: ReportPage<Row> = {
  path: '/intercom/billing',
  report: billing,
  rowsIn: 'rows',
  row,
  noun: 'member',
  filters: [{ kind: 'month', name: 'month', label: 'Month', from: 'monthYearLabel' }, employerFilter],
  order: { column: 'employer', direction: 'ascending' },
  columns: (zone) => [
    {
      name: 'Employer',
      key: 'employer',
      value: ({ employer }) => employer,
      cell: ({ employer }) => employer,
    },
    {
      name: 'Member',
      key: 'memberName',
      isRowHeader: true,
      value: ({ memberName }) => memberName,
      cell: MemberLink,
    },
    memberIdColumn(),
    {
      name: 'Enrolled',
      key: 'registrationOn',
      value: ({ registrationOn }) => registrationOn,
      cell: ({ registrationOn }) => <Day on={registrationOn} />,
    },
    {
      name: 'Last session',
      key: 'lastSessionAt',
      value: ({ lastSessionAt }) => lastSessionAt,
      cell: ({ lastSessionAt }) => <InstantDay at={lastSessionAt} zone={zone} />,
    },
    {
      name: 'New participant',
      key: 'isNewParticipant',
      value: ({ isNewParticipant }) => isNewParticipant,
      cell: ({ isNewParticipant }) => (isNewParticipant ? 'yes' : 'no'),
    },
    {
      name: 'Engaged during month',
      key: 'engagedDuringMonth',
      value: ({ engagedDuringMonth }) => engagedDuringMonth,
      cell: ({ engagedDuringMonth }) => (engagedDuringMonth ? 'yes' : 'no'),
    },
  ],
  above: showAbove,
};

/** This report knows members by User ID alone; one that is an e-mail address may not stand in an address. */
function MemberLink({ memberId, memberName }: Row) {
  const name = memberName ?? memberId;
  return memberId.includes('@') ? <>{name}</> : <a href={memberHref(memberId)}>{name}</a>;
}

async function showAbove({ body, filters, context, ask }: AboveFacts) {
  const total = Number(body['total']);
  const month = textOf(filters, 'monthYearLabel');
  const newcomers = await context.store.newParticipants.count({
    ...datesOf(month),
    coaches: [],
    employers: textsOf(filters, 'employer'),
    channels: [],
  });
  const before: { name: string; count: number }[] = [];
  for (let one = monthBefore(month); before.length < MONTHS_BEFORE; one = monthBefore(one)) {
    const answer = await ask({ month: one, monthYearLabel: one, limit: '1' });
    before.unshift({ name: monthText(one), count: Number(answer['total']) });
  }
  return (
    <>
      <Tiles
        label={`Billed for ${monthText(month)}`}
        tiles={[
          { name: `Billed for ${monthText(month)}`, count: total },
          { name: 'New participants', count: newcomers, note: shareText(newcomers, total) },
          { name: 'Enrolled before', count: total - newcomers, note: shareText(total - newcomers, total) },
        ]}
      />
      <Bars
        title="Billed members vs. previous month"
        whole={0}
        bars={[...before, { name: monthText(month), count: total }]}
      />
    </>
  );
}

function datesOf(month: string): { enrolledFromOn: string; enrolledToOn: string } {
  const window = monthWindow(month, 'UTC');
  return { enrolledFromOn: window?.firstOn ?? '', enrolledToOn: window?.lastOn ?? '' };
}

function monthBefore(month: string): string {
  return addDaysOn(`${month}-01`, -1).slice(0, 7);
}
