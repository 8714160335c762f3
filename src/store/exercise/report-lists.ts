import { CHANNELS } from '../../rules/vocabulary.js';
import type { Page, PageRequest, ReportList, ReportStore } from '../ports/reports.js';
import {
  inOrder,
  plainBilling,
  plainCaseload,
  plainDataQuality,
  plainEngagement,
  plainParticipants,
  plainSessions,
  plainUpcoming,
  type Placed,
} from './plain-reports.js';
import { GHOST_EMPLOYER, type World } from './report-world.js';
import { DAY, NOW_AT } from './samples.js';

/** A list with one filter: how it is asked, and what it has to answer. */
export interface Question {
  /** The filter, as far as it filters anything. */
  readonly label: string;
  readonly count: (reports: ReportStore) => Promise<number>;
  readonly page: (reports: ReportStore, page: PageRequest) => Promise<Page<unknown>>;
  readonly all: (reports: ReportStore) => AsyncIterable<readonly unknown[]>;
  readonly expected: (world: World) => readonly Placed<unknown>[];
}

export interface TestedList {
  readonly name: string;
  readonly unfiltered: Question;
  /** Each filter alone. */
  readonly filtered: readonly Question[];
  /** Each two of them. */
  readonly paired: readonly Question[];
}

interface ListSpecification<Filter, Row> {
  readonly name: string;
  readonly list: (reports: ReportStore) => ReportList<Filter, Row>;
  readonly plain: (world: World, filter: Filter) => readonly Placed<Row>[];
  /** As wide as it can be. */
  readonly everything: NoInfer<Filter>;
  /** What each part of the filter may be instead. */
  readonly narrower: NoInfer<{ readonly [Part in keyof Filter]: readonly Filter[Part][] }>;
}

function define<Filter extends object, Row>(specification: ListSpecification<Filter, Row>): TestedList {
  const { name, list, plain, everything, narrower } = specification;
  const ask = (over: Partial<Filter>): Question => {
    const filter = { ...everything, ...over };
    return {
      label: JSON.stringify(over),
      count: (reports) => list(reports).count(filter),
      page: (reports, page) => list(reports).page(filter, page),
      all: (reports) => list(reports).all(filter),
      expected: (world) => inOrder(plain(world, filter)),
    };
  };
  const parts = keysOf(narrower).map((part) =>
    narrower[part].map((value): Partial<Filter> => asPart(part, value)),
  );
  const pairs = parts.flatMap((ones, at) =>
    parts
      .slice(at + 1)
      .flatMap((others) => ones.flatMap((one) => others.map((other) => ({ ...one, ...other })))),
  );
  return { name, unfiltered: ask({}), filtered: parts.flat().map(ask), paired: pairs.map(ask) };
}

function keysOf<Whole extends object>(whole: Whole): (keyof Whole)[] {
  const keys: (keyof Whole)[] = [];
  for (const key in whole) keys.push(key);
  return keys;
}

function asPart<Filter, Part extends keyof Filter>(part: Part, value: Filter[Part]): Partial<Filter> {
  const filter: Partial<Filter> = {};
  filter[part] = value;
  return filter;
}

const ago = (days: number): number => NOW_AT - days * DAY;
const onAgo = (days: number): string => new Date(ago(days) * 1000).toISOString().slice(0, 10);
const EVER = { fromAt: 0, toAt: null };
/** In other spellings, of nobody, empty, several, one of them twice. */
const COACHES = [
  ['7'],
  ['COACH\u00a0 seven '],
  [' 8 '],
  ['B', 'zed'],
  ['unused'],
  ['nobody', 'not listed'],
  [''],
];
const EMPLOYERS = [
  ['acme'],
  [' BETA\u3000corp'],
  ['ÄRZTE', 'acme', 'Acme'],
  ['zoo 😀'],
  ['nobody'],
  [GHOST_EMPLOYER],
  [''],
];
const NO_ONE = { coaches: [], employers: [], channels: [] };
const CHOSEN = {
  coaches: COACHES,
  employers: EMPLOYERS,
  channels: [['Phone'], ['Email', 'Video Conference'], ['Chat', 'Chat'], CHANNELS],
} as const;

export const TESTED_LISTS: readonly TestedList[] = [
  define({
    name: 'caseload',
    list: ({ caseload }) => caseload,
    plain: plainCaseload,
    everything: { fromAt: 0, ...NO_ONE },
    narrower: { ...CHOSEN, fromAt: [ago(20), ago(7), NOW_AT + DAY] },
  }),
  define({
    name: 'sessions',
    list: ({ sessions }) => sessions,
    plain: plainSessions,
    everything: { window: EVER, ...NO_ONE },
    narrower: {
      ...CHOSEN,
      window: [
        { fromAt: ago(30), toAt: null },
        { fromAt: 0, toAt: ago(10) },
        { fromAt: ago(17), toAt: ago(17) + 3600 },
        { fromAt: ago(10), toAt: ago(10) },
      ],
    },
  }),
  define({
    name: 'new participants',
    list: ({ newParticipants }) => newParticipants,
    plain: plainParticipants,
    everything: { enrolledFromOn: '0001-01-01', enrolledToOn: '9999-12-31', ...NO_ONE },
    narrower: { ...CHOSEN, enrolledFromOn: [onAgo(30), onAgo(0)], enrolledToOn: [onAgo(30), onAgo(55)] },
  }),
  define({
    name: 'billing',
    list: ({ billing }) => billing,
    plain: plainBilling,
    everything: {
      enrolledFromOn: '0001-01-01',
      enrolledToOn: '9999-12-31',
      calls: { fromAt: 0, toAt: NOW_AT * 2 },
      employers: [],
    },
    narrower: {
      enrolledFromOn: [onAgo(20), '9999-01-01'],
      enrolledToOn: [onAgo(20), '0002-01-01'],
      calls: [
        { fromAt: ago(40), toAt: ago(20) },
        { fromAt: ago(17), toAt: ago(17) + 1 },
        { fromAt: 0, toAt: 0 },
      ],
      employers: EMPLOYERS,
    },
  }),
  define({
    name: 'engagement',
    list: ({ engagement }) => engagement,
    plain: plainEngagement,
    everything: {
      referrals: [],
      employers: [],
      statuses: [],
      enrolledFromOn: null,
      enrolledToOn: null,
      lastSession: { fromAt: null, toAt: null },
    },
    narrower: {
      referrals: [['counter health'], ['FRIEND', 'nobody'], ['']],
      employers: EMPLOYERS,
      statuses: [['Engaged'], ['At Risk', 'Unengaged']],
      enrolledFromOn: [onAgo(30)],
      enrolledToOn: [onAgo(10)],
      lastSession: [
        { fromAt: ago(20), toAt: null },
        { fromAt: null, toAt: ago(20) },
        { fromAt: ago(26), toAt: ago(13) },
      ],
    },
  }),
  define({
    name: 'upcoming',
    list: ({ upcoming }) => upcoming,
    plain: plainUpcoming,
    everything: { fromAt: 0, beforeAt: NOW_AT * 2, coaches: [], employers: [] },
    narrower: {
      fromAt: [NOW_AT + DAY, NOW_AT + 30 * DAY],
      beforeAt: [NOW_AT + 3 * DAY, NOW_AT + 3 * DAY + 1],
      coaches: COACHES,
      employers: EMPLOYERS,
    },
  }),
  define({
    name: 'data quality',
    list: ({ dataQuality }) => dataQuality,
    plain: plainDataQuality,
    everything: { problems: [], coaches: [], employers: [], closedFromAt: 0 },
    narrower: {
      problems: [['call does not count'], ['no Employer', 'no User ID'], ['no Enrolled Date']],
      coaches: COACHES,
      employers: EMPLOYERS,
      closedFromAt: [ago(20), NOW_AT + DAY],
    },
  }),
];

/** Every row, page by page. */
export async function readPages(
  { page }: Pick<Question, 'page'>,
  reports: ReportStore,
  limit: number,
  after: string | null = null,
): Promise<unknown[]> {
  const rows: unknown[] = [];
  let place = after;
  do {
    const read = await page(reports, { limit, after: place });
    if (read.rows.length > limit) throw new Error('a page is longer than its limit');
    if (read.next !== null && read.rows.length < limit)
      throw new Error('a page that is no last one is short');
    rows.push(...read.rows);
    place = read.next;
  } while (place !== null);
  return rows;
}

export async function readBatches(all: AsyncIterable<readonly unknown[]>): Promise<readonly unknown[][]> {
  const batches: unknown[][] = [];
  for await (const batch of all) batches.push([...batch]);
  return batches;
}
