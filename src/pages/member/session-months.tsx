import { addDaysOn, dateOf } from '../../rules/calendar.js';
import { isCoachingSession, isQualifyingCall, sessionAt } from '../../rules/sessions.js';
import type { MemberRecord } from '../../store/ports/queries.js';
import { StackedColumns } from '../parts/stacked-columns.js';
import { monthText } from '../parts/when.js';

interface SessionMonthsProps {
  readonly conversations: MemberRecord['conversations'];
  readonly todayOn: string;
  readonly zone: string;
}

const MONTHS = 12;
const QUALIFYING = 'Qualifying calls';
const OTHERS = 'Other coaching sessions';

/** How often the member has been talked to, month by month. */
export function SessionMonths({ conversations, todayOn, zone }: SessionMonthsProps) {
  const months = [todayOn.slice(0, 7)];
  while (months.length < MONTHS) months.unshift(addDaysOn(`${months[0] ?? ''}-01`, -1).slice(0, 7));
  const counts = new Map(months.map((month) => [month, { [QUALIFYING]: 0, [OTHERS]: 0 }]));
  for (const conversation of conversations) {
    const at = sessionAt(conversation);
    if (at === null) continue;
    const month = counts.get(dateOf(at, zone).slice(0, 7));
    if (month === undefined) continue;
    if (isQualifyingCall(conversation)) month[QUALIFYING] += 1;
    else if (isCoachingSession(conversation)) month[OTHERS] += 1;
  }
  return (
    <StackedColumns
      title="Sessions by month"
      columnHeading="Month"
      series={[QUALIFYING, OTHERS]}
      columns={months.map((month) => ({
        name: monthText(month),
        tick: monthText(month).slice(0, 3),
        counts: counts.get(month) ?? {},
      }))}
    />
  );
}
