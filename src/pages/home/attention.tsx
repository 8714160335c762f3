import { bucketCounts, bucketLimits } from '../../reports/buckets.js';
import type { ReportContext } from '../../reports/report.js';
import { addDaysOn, startOfDayAt } from '../../rules/calendar.js';
import { NEW_PARTICIPANT_BUCKETS } from '../../rules/vocabulary.js';
import { Tiles } from '../parts/tiles.js';

const DAYS_AHEAD = 7;
const DAYS_BACK = 30;
const YEAR_DAYS = 365;

/** What somebody could do something about today, each with the way to who or what it is. */
export async function showAttention(context: ReportContext, parked: number) {
  const { store, todayOn, timeZone } = context;
  const everybody = { coaches: [], employers: [], channels: [] };
  const [changing, waiting, uncounted] = await Promise.all([
    store.upcoming.count({
      fromAt: startOfDayAt(todayOn, timeZone),
      beforeAt: startOfDayAt(addDaysOn(todayOn, DAYS_AHEAD + 1), timeZone),
      ...everybody,
    }),
    store.participantCounts(
      { enrolledFromOn: addDaysOn(todayOn, -YEAR_DAYS), enrolledToOn: todayOn, ...everybody },
      bucketLimits(NEW_PARTICIPANT_BUCKETS, todayOn),
    ),
    store.dataQuality.count({
      problems: ['call does not count'],
      closedFromAt: startOfDayAt(addDaysOn(todayOn, -DAYS_BACK), timeZone),
      ...everybody,
    }),
  ]);
  const [, , longest] = NEW_PARTICIPANT_BUCKETS;
  return (
    <>
      <h2>Needs attention</h2>
      <Tiles
        label="Needs attention"
        tiles={[
          {
            name: 'Status changes ahead',
            count: changing,
            note: `in the next ${DAYS_AHEAD} days`,
            href: '/intercom/upcoming',
          },
          {
            name: 'New participants waiting',
            count: bucketCounts(NEW_PARTICIPANT_BUCKETS, waiting)[longest.name],
            note: `over ${longest.fromDays - 1} days without a session`,
            href: '/intercom/new-participants',
          },
          {
            name: 'Calls not counted',
            count: uncounted,
            note: `closed in the last ${DAYS_BACK} days`,
            href: `/intercom/data-quality?problem=call+does+not+count&lookbackDays=${DAYS_BACK}`,
          },
          {
            name: 'Failed updates',
            count: parked,
            note: 'need a retry',
            href: '/intercom/activity#parked',
          },
        ]}
      />
    </>
  );
}
