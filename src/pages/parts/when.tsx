import { dateInWords, dateOf } from '../../rules/calendar.js';

const formats = new Map<string, Intl.DateTimeFormat>();

function format(timeZone: string, kind: 'minute' | 'second', date: Date): string {
  const key = `${kind} ${timeZone}`;
  const known = formats.get(key);
  if (known !== undefined) return plainBlanks(known.format(date));
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone,
    dateStyle: 'medium',
    timeStyle: kind === 'minute' ? 'short' : 'medium',
  });
  formats.set(key, made);
  return plainBlanks(made.format(date));
}

/** The runtime puts a narrow no-break space before AM and PM, which not every font has. */
function plainBlanks(text: string): string {
  return text.replaceAll('\u202F', ' ');
}

/** "Oct 1, 2026" for `YYYY-MM-DD`, as the rules write dates in their reasons. */
export const dayText = dateInWords;

/** "Oct 1", for a tick below a column and where the year is plain. */
export function shortDay(on: string): string {
  return dayText(on).replace(/, \d{4}$/, '');
}

const MONTH = new Intl.DateTimeFormat('en-US', { timeZone: 'UTC', month: 'long', year: 'numeric' });

/** "October 2026" for `YYYY-MM`. */
export function monthText(month: string): string {
  return MONTH.format(new Date(`${month}-01T00:00:00Z`));
}

/** "Oct 1, 2026, 2:03 PM" in the report time zone, for Unix seconds. */
export function instantText(at: number, timeZone: string): string {
  return format(timeZone, 'minute', new Date(at * 1000));
}

/** "Eastern Time" for `America/New_York`. */
export function zoneText(timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longGeneric' }).formatToParts();
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? timeZone;
}

interface InstantProps {
  /** Unix seconds; null shows a dash. */
  readonly at: number | null;
  readonly zone: string;
  readonly precision?: 'minute' | 'second';
}

/** An instant, written in the report time zone. */
export function Instant({ at, zone, precision = 'minute' }: InstantProps) {
  if (at === null) return <Nothing />;
  const date = new Date(at * 1000);
  return <time datetime={date.toISOString()}>{format(zone, precision, date)}</time>;
}

/** The date of an instant in the report time zone; the minute is in the tooltip. */
export function InstantDay({ at, zone }: InstantProps) {
  if (at === null) return <Nothing />;
  return (
    <time datetime={new Date(at * 1000).toISOString()} title={instantText(at, zone)}>
      {dayText(dateOf(at, zone))}
    </time>
  );
}

/** "today", "yesterday", "41 days ago". */
export function daysAgoText(days: number): string {
  if (days === 0) return 'today';
  return days === 1 ? 'yesterday' : `${days} days ago`;
}

/** A calendar date, `YYYY-MM-DD`. */
export function Day({ on }: { readonly on: string | null }) {
  return on === null ? <Nothing /> : <time datetime={on}>{dayText(on)}</time>;
}

/** What an empty cell says, to eyes and to screen readers. */
export function Nothing() {
  return (
    <span class="nothing">
      <span aria-hidden="true">–</span>
      <span class="unseen">none</span>
    </span>
  );
}

/** "12 ms", "3.2 s", "4 min". */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  return ms < 120_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}
