import { nearMiss } from '../../rules/sessions.js';
import { fold } from '../../rules/text.js';
import type { DataQualityFilter, DataQualityProblem, DataQualityRow } from '../ports/reports.js';
import type { Coaches } from './coaches.js';
import { compareKeys } from './cursor.js';
import type { Dialect } from './dialect.js';
import type { ListKind, ListPart } from './list.js';
import { allOf, coachIds, createConditions, folded, MEMBER } from './parts.js';
import { number, text } from './read-values.js';
import { readRows, type Params, type Reading } from './reading.js';

const CALL = 'call does not count';
/** What a member can lack, in the order in which the list names it. `id`: the contact id, as an index has it. */
const MEMBER_PROBLEMS = [
  {
    problem: 'no Enrolled Date',
    reason: 'Enrolled Date empty or unreadable',
    where: () => 'm.enrolled_on is null',
    id: 'm.contact_id',
  },
  // Without User ID the contact id is the member id.
  {
    problem: 'no User ID',
    reason: 'User ID empty',
    where: ({ isTrue }) => isTrue('m.has_no_user_id'),
    id: 'm.member_id',
  },
  {
    problem: 'no Employer',
    reason: 'Employer empty',
    where: ({ isTrue }) => isTrue('m.has_no_employer'),
    id: 'm.contact_id',
  },
] as const satisfies readonly {
  problem: DataQualityProblem;
  reason: string;
  where: (dialect: Dialect) => string;
  id: string;
}[];

/** Closed calls that do not count, by coach and newest first, then members by what they lack. */
export function dataQualityList(dialect: Dialect): ListKind<DataQualityFilter, DataQualityRow> {
  const { inList, isTrue, joinInOrder } = dialect;
  const { ofEmployers } = createConditions(dialect);
  /** In these words, because the index of near misses holds exactly the rows for which they are true. */
  const isIndexed = `s.reported_at is not null and ${isTrue('s.is_near_miss')}`;
  const isNearMiss = `${isIndexed} and s.reported_at >= @closedFromAt`;
  // From one coach to the next along the index.
  const coachesInOrder = `with recursive known (id) as (
     select min(s.coach_id) from conversations s where ${isIndexed}
     union all
     select (select min(s.coach_id) from conversations s where ${isIndexed} and s.coach_id > known.id)
     from known where known.id is not null)
   select id from known where id is not null`;

  function* callParts(filter: DataQualityFilter, coaches: Coaches): Reading<ListPart[]> {
    const asked = filter.coaches.length === 0 ? null : new Set(coaches.idsOf(filter.coaches));
    const part = (key: ListPart['key'], coachId: string | null): ListPart => ({
      key: [0, ...key],
      sort: [{ column: 's.reported_at', isDescending: true }, { column: 's.id' }],
      params: { ...paramsOf(filter, coaches), coachId },
      rows: ({ behind, orderAndLimit }) =>
        `select ${MEMBER}, '${CALL}', s.id, s.reported_at, s.coach_id, s.channel, s.service_code, s.reported_at, s.id
         from conversations s ${joinInOrder} reported_members m on m.contact_id = s.contact_id
         where ${isNearMiss} and s.coach_id ${coachId === null ? 'is null' : '= @coachId'} and ${allOf(ofEmployers(filter.employers))} and ${behind}
         ${orderAndLimit}`,
    });
    const ofCoaches = (yield* readRows(coachesInOrder))
      .map(([id]) => String(id))
      .filter((id) => asked === null || asked.has(id))
      .map((id) => part([0, fold(coaches.nameOf(id) ?? id), id], id))
      .sort((one, other) => compareKeys(one.key, other.key));
    return asked === null ? [...ofCoaches, part([1, '', ''], null)] : ofCoaches;
  }

  const askedMemberProblems = (filter: DataQualityFilter) =>
    MEMBER_PROBLEMS.flatMap(({ problem, where, id }, index) => {
      // A member's problem is no coach's.
      if (!isAsked(filter, problem) || filter.coaches.length > 0) return [];
      return [
        { problem, id, rank: index + 1, where: allOf([where(dialect), ...ofEmployers(filter.employers)]) },
      ];
    });

  return {
    name: 'data-quality',
    *parts(filter, coaches) {
      const calls = isAsked(filter, CALL) ? yield* callParts(filter, coaches) : [];
      const members = askedMemberProblems(filter).map(({ problem, id, rank, where }) => ({
        key: [rank],
        sort: [{ column: id }],
        params: paramsOf(filter, coaches),
        rows: ({ behind, orderAndLimit }: Parameters<ListPart['rows']>[0]) =>
          `select ${MEMBER}, '${problem}', null, null, null, null, null, ${id} from reported_members m
           where ${where} and ${behind} ${orderAndLimit}`,
      }));
      return [...calls, ...members];
    },
    counted: (filter, coaches) => {
      const params = paramsOf(filter, coaches);
      const calls = allOf([
        isNearMiss,
        ...(filter.coaches.length === 0 ? [] : [inList('s.coach_id', 'coaches')]),
        ...(filter.employers.length === 0
          ? []
          : [
              `s.contact_id in (select m.contact_id from reported_members m
                where ${allOf(ofEmployers(filter.employers))})`,
            ]),
      ]);
      return [
        ...(isAsked(filter, CALL) ? [{ from: `from conversations s where ${calls}`, params }] : []),
        ...askedMemberProblems(filter).map(({ where }) => ({
          from: `from reported_members m where ${where}`,
          params,
        })),
      ];
    },
    present: (
      [contactId, userId, name, email, employer, problem, id, closedAt, coach, channel, code],
      coaches,
    ) => {
      const coachId = text(coach);
      const itsMember = MEMBER_PROBLEMS.find((one) => one.problem === problem);
      return {
        contactId: String(contactId),
        userId: text(userId),
        name: text(name),
        email: text(email),
        employer: text(employer),
        problem: itsMember?.problem ?? CALL,
        reasons:
          itsMember === undefined
            ? reasonsOf(String(id), Number(closedAt), text(channel), text(code))
            : [itsMember.reason],
        conversationId: text(id),
        closedAt: number(closedAt),
        coachId,
        coachName: coachId === null ? null : coaches.nameOf(coachId),
      };
    },
  };
}

function isAsked({ problems }: DataQualityFilter, problem: DataQualityProblem): boolean {
  return problems.length === 0 || problems.includes(problem);
}

function paramsOf(filter: DataQualityFilter, coaches: Coaches): Params {
  return {
    employers: folded(filter.employers),
    coaches: coachIds(filter.coaches, coaches),
    closedFromAt: filter.closedFromAt,
  };
}

/** Why the closed call is no qualifying one. */
function reasonsOf(
  id: string,
  closedAt: number,
  channel: string | null,
  serviceCode: string | null,
): readonly string[] {
  const call = { id, contactId: null, coachId: null, state: 'closed', channel, serviceCode } as const;
  const times = { createdAt: closedAt, updatedAt: closedAt, lastCloseAt: closedAt };
  return nearMiss({ ...call, ...times })?.reasons ?? [];
}
