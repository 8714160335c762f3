import { describe, expect, it } from 'vitest';
import { fold } from '../../rules/text.js';
import { ENGAGEMENT_STATUSES } from '../../rules/vocabulary.js';
import { isQualifyingCall, serviceCodeOf } from '../../rules/sessions.js';
import type {
  CaseloadFilter,
  DatedWindow,
  MonthFigures,
  OverviewWindows,
  ParticipantFilter,
  SessionFilter,
} from '../ports/reports.js';
import type { Bench } from './bench.js';
import {
  plainCaseload,
  plainMembers,
  plainParticipants,
  plainSessions,
  plainSessionTimes,
  withoutSessionSince,
} from './plain-reports.js';
import { makeWorld, tell, type World } from './report-world.js';
import { DAY, NOW_AT } from './samples.js';

const MEMBERS = 45;
const ago = (days: number): number => NOW_AT - days * DAY;
const onAgo = (days: number): string => new Date(ago(days) * 1000).toISOString().slice(0, 10);

const NO_ONE = { coaches: [], employers: [], channels: [] };
/** Each way in which an engine may go about it: by time, by coach, by channel, by employer, by all of them. */
const CHOICES: readonly Omit<CaseloadFilter, 'fromAt'>[] = [
  NO_ONE,
  { ...NO_ONE, coaches: ['coach seven'] },
  { ...NO_ONE, channels: ['Phone', 'Chat'] },
  { ...NO_ONE, employers: ['ACME', 'beta corp'] },
  { coaches: ['7', '8', 'zed'], employers: ['acme'], channels: ['Phone', 'Video Conference'] },
  { ...NO_ONE, employers: ['nobody'] },
];
const LIMITS = [[], [ago(28)], [ago(56), ago(28), ago(7)], [ago(30), ago(30)], [0, NOW_AT + DAY]];

/** Counts, sums and choices: what they say fits to the lists. */
export function exerciseReportCounts({ storeOf, openReports }: Bench): void {
  const begin = async () => {
    const world = makeWorld(MEMBERS);
    await tell(storeOf(), world);
    return { world, reports: await openReports() };
  };
  /** How many lie before the first limit, from each up to the next, and from the last one on. */
  const groups = <Place extends number | string>(
    places: readonly Place[],
    limits: readonly Place[],
  ): number[] =>
    [null, ...limits].map((from, at) => {
      const to = limits[at];
      return places.filter((one) => (from === null || one >= from) && (to === undefined || one < to)).length;
    });

  describe('counts by limits', () => {
    it('are those of the rows of caseload', async () => {
      const { world, reports } = await begin();
      for (const chosen of CHOICES) {
        for (const fromAt of [0, ago(40)]) {
          const filter: CaseloadFilter = { fromAt, ...chosen };
          const places = plainCaseload(world, filter).map(({ row }) => row.lastSessionAt);
          for (const limits of LIMITS) {
            const counted = await reports.caseloadCounts(filter, limits);
            expect(counted, JSON.stringify([filter, limits])).toEqual(groups(places, limits));
          }
        }
      }
    });

    it('are those of the rows of sessions', async () => {
      const { world, reports } = await begin();
      for (const chosen of CHOICES) {
        for (const window of [
          { fromAt: 0, toAt: null },
          { fromAt: ago(40), toAt: ago(10) },
          { fromAt: ago(10), toAt: ago(40) },
        ]) {
          const filter: SessionFilter = { window, ...chosen };
          const places = plainSessions(world, filter).map(({ row }) => row.sessionAt);
          for (const limits of LIMITS) {
            const counted = await reports.sessionCounts(filter, limits);
            expect(counted, JSON.stringify([filter, limits])).toEqual(groups(places, limits));
          }
        }
      }
    });

    it('are those of the rows of new participants, by date', async () => {
      const { world, reports } = await begin();
      for (const chosen of CHOICES) {
        for (const enrolledFromOn of ['0001-01-01', onAgo(30)]) {
          const filter: ParticipantFilter = { enrolledFromOn, enrolledToOn: onAgo(2), ...chosen };
          const places = plainParticipants(world, filter).map(({ row }) => withoutSessionSince(row));
          for (const limits of [[], [onAgo(28), onAgo(21), onAgo(14)], [onAgo(20), onAgo(20)]]) {
            const counted = await reports.participantCounts(filter, limits);
            expect(counted, JSON.stringify([filter, limits])).toEqual(groups(places, limits));
          }
        }
      }
    });
  });

  describe('the overview', () => {
    const windowOf = (from: number, to: number | null): DatedWindow => ({
      fromAt: ago(from),
      toAt: to === null ? null : ago(to),
      fromOn: onAgo(from),
      toOn: onAgo(to ?? 0),
    });
    const windows: OverviewWindows = {
      thisMonth: windowOf(20, null),
      lastMonth: windowOf(50, 30),
      weekLimits: [ago(28), ago(21), ago(14), ago(7)],
    };
    const figuresOf = (world: World, { fromAt, toAt, fromOn, toOn }: DatedWindow): MonthFigures => {
      const isIn = (on: string | null): boolean => on !== null && on >= fromOn && on <= toOn;
      const members = plainMembers(world);
      return {
        registrations: members.filter(({ registeredOn }) => isIn(registeredOn)).length,
        enrollments: members.filter(({ enrolledOn }) => isIn(enrolledOn)).length,
        qualifyingCalls: plainSessionTimes(world).filter(
          ({ conversation, at }) =>
            isQualifyingCall(conversation) && at >= fromAt && (toAt === null || at < toAt),
        ).length,
      };
    };

    it('counts members, months and weeks as a plain computation does', async () => {
      const { world, reports } = await begin();
      const { sessionsByWeek, ...figures } = await reports.overview(windows);
      const members = plainMembers(world);
      const having = (status: string | null): number =>
        members.filter(({ decided }) => decided.status === status).length;
      expect(figures).toEqual({
        thisMonth: figuresOf(world, windows.thisMonth),
        lastMonth: figuresOf(world, windows.lastMonth),
        members: MEMBERS,
        statuses: {
          ...Object.fromEntries(ENGAGEMENT_STATUSES.map((status) => [status, having(status)])),
          none: having(null),
        },
      });
      expect(figures.thisMonth.qualifyingCalls).toBeGreaterThan(0);

      const expected = new Map<string, number>();
      for (const { conversation, at } of plainSessionTimes(world)) {
        const week = windows.weekLimits.findLastIndex((limit) => at >= limit);
        const { serviceCode } = conversation;
        const code = serviceCodeOf(conversation) ?? serviceCode;
        const key = JSON.stringify([week, code === null ? null : fold(code)]);
        if (week >= 0) expected.set(key, (expected.get(key) ?? 0) + 1);
      }
      const rows = sessionsByWeek.map(({ week, serviceCode, sessions }): [string, number] => [
        JSON.stringify([week, serviceCode === null ? null : fold(serviceCode)]),
        sessions,
      ]);
      expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(expected));
      expect(rows, 'each week and code once').toHaveLength(expected.size);
      const weeks = sessionsByWeek.map(({ week }) => week);
      expect(weeks).toEqual(weeks.toSorted((one, other) => one - other));
    });

    it('counts nothing where nothing is known', async () => {
      const nothing = { registrations: 0, enrollments: 0, qualifyingCalls: 0 };
      expect(await (await openReports()).overview(windows)).toEqual({
        thisMonth: nothing,
        lastMonth: nothing,
        members: 0,
        statuses: { Engaged: 0, 'At Risk': 0, Unengaged: 0, none: 0 },
        sessionsByWeek: [],
      });
    });
  });

  describe('what filters may be set to', () => {
    it('are the coaches of sessions by name, and each employer once', async () => {
      const { world, reports } = await begin();
      const { coaches, employers } = await reports.filterChoices();
      const ids = new Set(plainSessionTimes(world).flatMap(({ conversation: { coachId } }) => coachId ?? []));
      const listed = [...ids].map((id) => ({
        id,
        name: world.coaches.find((one) => one.id === id)?.name ?? null,
      }));
      const bytes = (one: string, other: string): number =>
        Buffer.compare(Buffer.from(one), Buffer.from(other));
      expect(coaches).toEqual(
        listed.toSorted(
          (one, other) =>
            Number(one.name === null) - Number(other.name === null) ||
            bytes(fold(one.name ?? ''), fold(other.name ?? '')) ||
            bytes(one.id, other.id),
        ),
      );
      const spellings = plainMembers(world).flatMap(({ columns: { employer } }) => employer ?? []);
      expect(employers.map((one) => fold(one))).toEqual([...new Set(spellings.map(fold))].toSorted(bytes));
      expect(spellings, 'in a spelling that somebody has used').toEqual(
        expect.arrayContaining([...employers]),
      );
    });

    it('are none where nothing is known', async () => {
      expect(await (await openReports()).filterChoices()).toEqual({ coaches: [], employers: [] });
    });

    it('choose exactly whom they name', async () => {
      const { reports } = await begin();
      const { coaches, employers } = await reports.filterChoices();
      for (const { id } of coaches) {
        const filter = { ...NO_ONE, window: { fromAt: 0, toAt: null }, coaches: [id] };
        const { rows } = await reports.sessions.page(filter, { limit: 1000, after: null });
        expect(rows.length, id).toBeGreaterThan(0);
        expect(new Set(rows.map(({ coachId }) => coachId))).toEqual(new Set([id]));
      }
      for (const employer of employers) {
        const filter = { problems: [], coaches: [], employers: [employer], closedFromAt: 0 };
        const { rows } = await reports.dataQuality.page(filter, { limit: 1000, after: null });
        expect(new Set(rows.map((row) => fold(row.employer ?? '')))).toEqual(new Set([fold(employer)]));
      }
    });
  });
}
