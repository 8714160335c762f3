import { parse } from 'csv-parse/sync';
import { expect } from 'vitest';
import { z } from 'zod';
import type { Harness } from '../support/harness.js';
import { dateIn, isoIn, plusDays } from './plain-calendar.js';
import {
  plainBilling,
  plainCaseload,
  plainDataQuality,
  plainEngagement,
  plainNewParticipants,
  plainOverview,
  plainSessions,
  plainUpcoming,
  type PlainQuery,
  type PlainReports,
  type PlainRow,
} from './plain-reports.js';

const answerShape = z.record(z.string(), z.unknown());
const rowsShape = z.array(z.record(z.string(), z.unknown()));
type Asked = Readonly<Record<string, string | number | readonly string[]>>;

/** How much of a large answer one page shows; prime, so that pages end anywhere. */
const LIMIT = 4999;
const SMALL_LIMIT = 7;

/** Instants are written with an offset in CSV. */
const INSTANTS = new Set([
  'lastSessionAt',
  'firstSessionAt',
  'participantAt',
  'registrationAt',
  'time',
  'changesAt',
  'lastCallAt',
  'closedAt',
]);

/**
 * Asks every report of the service in many ways and holds each row against the plain computation.
 * @param turn 0 asks in all ways; later turns in every third one, another third each time.
 * @returns how many rows there were.
 */
export async function compareReports(harness: Harness, plain: PlainReports, turn: number): Promise<number> {
  const { world } = plain;
  const todayOn = dateIn(world.nowAt, world.zone);
  const compare = createComparison(harness, world.zone);
  const asked = <Query>(queries: readonly Query[]): readonly Query[] =>
    queries.filter((_, index) => turn === 0 || index % 3 === turn % 3);
  let rows = 0;
  for (const query of asked(sessionQueries())) {
    const { members, sessions, summary } = plainCaseload(plain, query);
    rows += await compare.rows('caseload', { ...query, view: 'members' }, 'members', members);
    rows += await compare.rows('caseload', { ...query, view: 'sessions' }, 'sessions', sessions);
    await compare.body('caseload', { ...query, view: 'summary' }, { total: members.length, summary });
    const both = { total: members.length, sessionsTotal: sessions.length, summary };
    await compare.body('caseload', { ...query }, both);
  }
  for (const query of asked(rangeQueries(todayOn))) {
    const { sessions, summary } = plainSessions(plain, query);
    rows += await compare.rows('sessions', { ...query }, 'sessions', sessions);
    await compare.body('sessions', { ...query }, { total: sessions.length, summary });
  }
  for (const query of asked(participantQueries(todayOn))) {
    const { participants, summary } = plainNewParticipants(plain, query);
    rows += await compare.rows('new-participants', { ...query }, 'participants', participants);
    await compare.body('new-participants', { ...query }, { total: participants.length, summary });
  }
  for (const query of asked(billingQueries(todayOn))) {
    rows += await compare.rows('billing', { ...query }, 'rows', plainBilling(plain, query));
  }
  for (const query of asked(engagementQueries(todayOn))) {
    rows += await compare.rows('report/engagement', { ...query }, 'rows', plainEngagement(plain, query));
  }
  for (const weeks of [1, 8, 53]) {
    const overview = plainOverview(plain, { weeks });
    await compare.body('overview', { weeks }, overview);
    rows += overview.weeks.length;
  }
  for (const query of asked(upcomingQueries())) {
    rows += await compare.rows('upcoming', { ...query }, 'items', plainUpcoming(plain, query));
  }
  for (const query of asked(qualityQueries())) {
    const { items, summary } = plainDataQuality(plain, query);
    rows += await compare.rows('data-quality', { ...query }, 'items', items);
    await compare.body('data-quality', { ...query }, { total: items.length, summary });
  }
  return rows;
}

const COACH = { coach: ['imani okafor'] } as const;
const EMPLOYER = { employer: [' ACME', 'ünïcode AG'] } as const;
const CHANNEL = { channel: ['phone'] } as const;

function sessionQueries(): PlainQuery[] {
  return [
    {},
    ...[1, 7, 8, 28, 29, 56, 57].map((lookbackDays) => ({ lookbackDays })),
    COACH,
    { ...COACH, ...CHANNEL },
    { coach: ['5210003', '5210099'], channel: ['Email', 'CHAT'], lookbackDays: 90 },
    { ...EMPLOYER, ...CHANNEL, lookbackDays: 200 },
    { employer: ['42', '-5', '=Formula Ltd'] },
    { coach: ['nobody'] },
  ];
}

function rangeQueries(todayOn: string): PlainQuery[] {
  return [
    {},
    { lookbackDays: 1, ...COACH },
    { from: todayOn },
    { from: plusDays(todayOn, -28), to: plusDays(todayOn, -8) },
    { from: plusDays(todayOn, -400), to: plusDays(todayOn, -57), ...CHANNEL },
    { to: plusDays(todayOn, -1), ...EMPLOYER },
    { from: plusDays(todayOn, -56), to: plusDays(todayOn, 5), ...COACH, ...EMPLOYER },
  ];
}

function participantQueries(todayOn: string): PlainQuery[] {
  return [
    {},
    ...[14, 21, 22, 28, 29].map((lookbackDays) => ({ lookbackDays })),
    { enrolledFrom: plusDays(todayOn, -28), enrolledTo: plusDays(todayOn, 40) },
    { enrolledTo: plusDays(todayOn, -15) },
    { enrolledFrom: plusDays(todayOn, -15) },
    { ...COACH, ...CHANNEL },
    { ...EMPLOYER, enrolledTo: '2199-12-31' },
    { channel: ['Chat', 'Email'], coach: ['5210099'] },
  ];
}

function billingQueries(todayOn: string): PlainQuery[] {
  const months = [0, 31, 59, 92, 183, 366, 500].map((days) => plusDays(todayOn, -days).slice(0, 7));
  return [{}, ...months.map((month) => ({ month })), EMPLOYER];
}

function engagementQueries(todayOn: string): PlainQuery[] {
  return [
    {},
    EMPLOYER,
    { referral: ['counter health'] },
    { engagementStatus: ['engaged', 'At Risk'] },
    { engagementStatus: ['Unengaged'], ...EMPLOYER },
    { enrolledDateFrom: plusDays(todayOn, -28), enrolledDateTo: todayOn },
    { enrolledDateTo: plusDays(todayOn, -29) },
    { lastSessionFrom: plusDays(todayOn, -56), lastSessionTo: plusDays(todayOn, -29) },
    { lastSessionTo: plusDays(todayOn, -57) },
    { lastSessionFrom: plusDays(todayOn, -28), referral: ['Another Way', '7'] },
  ];
}

function upcomingQueries(): PlainQuery[] {
  return [{}, { days: 1 }, { days: 28 }, { days: 57 }, { days: 57, ...COACH }, { days: 30, ...EMPLOYER }];
}

function qualityQueries(): PlainQuery[] {
  return [
    {},
    { lookbackDays: 7 },
    { lookbackDays: 29, ...COACH },
    { problem: ['no user id', 'no Employer'] },
    { problem: ['call does not count'], ...EMPLOYER },
    { problem: ['no Enrolled Date'], ...COACH },
  ];
}

function createComparison(harness: Harness, zone: string) {
  const ask = async (report: string, asked: Asked): Promise<Response> => {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(asked)) {
      for (const one of [value].flat()) parameters.append(name, String(one));
    }
    const address = `/API/intercom/${report}?${parameters.toString()}`;
    const answer = await harness.get(address);
    if (answer.status !== 200) throw new Error(`${address}: ${await answer.text()}`);
    return answer;
  };

  /** Every row, page by page, and once more as CSV. */
  const rows = async (
    report: string,
    asked: Asked,
    rowsIn: string,
    expected: readonly PlainRow[],
  ): Promise<number> => {
    const limit = expected.length > 150 ? LIMIT : SMALL_LIMIT;
    const met: unknown[] = [];
    let cursor: unknown = null;
    do {
      const at = typeof cursor === 'string' ? { cursor } : {};
      const page = answerShape.parse(
        await (await ask(report, { ...asked, format: 'json', limit, ...at })).json(),
      );
      expect(page['total']).toBe(expected.length);
      met.push(...rowsShape.parse(page[rowsIn]));
      cursor = page['nextCursor'];
    } while (cursor !== null);
    assertSame(report, asked, met, expected);

    const text = await (await ask(report, { ...asked, format: 'csv' })).text();
    const [header = [], ...cells] = z.array(z.array(z.string())).parse(parse(text));
    const [first] = expected;
    if (first !== undefined) expect(header).toEqual(columnsOf(first));
    assertSame(
      report,
      { ...asked, format: 'csv' },
      cells,
      expected.map((row) => cellsOf(row, zone)),
    );
    return expected.length;
  };

  const body = async (report: string, asked: Asked, expected: object): Promise<void> => {
    const answer = answerShape.parse(await (await ask(report, asked)).json());
    expect({ report, asked, answer }).toMatchObject({ report, asked, answer: expected });
  };
  return { rows, body };
}

/** Compares as text first: a matcher takes seconds for twenty thousand rows. */
function assertSame(
  report: string,
  asked: Asked,
  met: readonly unknown[],
  expected: readonly unknown[],
): void {
  for (let index = 0; index < Math.max(met.length, expected.length); index += 1) {
    if (JSON.stringify(met[index]) === JSON.stringify(expected[index])) continue;
    expect({ report, asked, index, row: met[index] }).toEqual({ report, asked, index, row: expected[index] });
  }
  expect(met).toHaveLength(expected.length);
}

/** Buckets have a column each. */
function spread(row: PlainRow): [name: string, value: unknown][] {
  return Object.entries(row).flatMap(([name, value]): [string, unknown][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value)
      : [[name, value]],
  );
}

function columnsOf(row: PlainRow): string[] {
  return spread(row).map(([name]) => name);
}

function cellsOf(row: PlainRow, zone: string): string[] {
  return spread(row).map(([name, value]) => {
    if (value === null) return '';
    if (typeof value === 'number') return INSTANTS.has(name) ? isoIn(value, zone) : String(value);
    const text = Array.isArray(value)
      ? value.join('; ')
      : typeof value === 'string'
        ? value
        : JSON.stringify(value);
    return harmless(text);
  });
}

/** Cut at everything that some spreadsheet parts cells by; a part that it would take for a formula gets an apostrophe. */
function harmless(text: string): string {
  if (/^[+-]?\d+(\.\d+)?$/.test(text)) return text;
  const parts = text.split(/([,;|\t\r\n])/);
  const safe = parts.map((part) => {
    const begins = part.replaceAll(/["“”]/g, ' ').trim().slice(0, 1);
    return begins !== '' && '=+-@＝＋－＠'.includes(begins) ? `'${part}` : part;
  });
  const joined = safe.join('');
  return joined !== '' && '\t\r\n'.includes(joined.slice(0, 1)) ? `'${joined}` : joined;
}
