import type Database from 'better-sqlite3';
import { nearMiss } from '../../../rules/sessions.js';
import { fold } from '../../../rules/text.js';
import type { DataQualityFilter, DataQualityProblem, DataQualityRow } from '../../ports/reports.js';
import { compareKeys, type ListKind, type ListPart, type Params } from './list.js';
import { allOf, coachIds, folded, MEMBER, number, ofEmployers, text, type CoachBook } from './parts.js';

const CALL = 'call does not count';
/** What a member can lack, in the order in which the list names it. `id`: the contact id, as an index has it. */
const MEMBER_PROBLEMS = [
  {
    problem: 'no Enrolled Date',
    reason: 'Enrolled Date empty or unreadable',
    where: 'm.enrolled_on is null',
    id: 'm.contact_id',
  },
  // Without User ID the contact id is the member id.
  { problem: 'no User ID', reason: 'User ID empty', where: 'm.has_no_user_id = 1', id: 'm.member_id' },
  { problem: 'no Employer', reason: 'Employer empty', where: 'm.has_no_employer = 1', id: 'm.contact_id' },
] as const satisfies readonly {
  problem: DataQualityProblem;
  reason: string;
  where: string;
  id: string;
}[];

/** In these words, because the index of near misses holds exactly the rows for which they are true. */
const NEAR_MISS = 's.reported_at is not null and s.is_near_miss = 1 and s.reported_at >= @closedFromAt';

/** Closed calls that do not count, by coach and newest first, then members by what they lack. */
export function dataQualityList(
  sqlite: Database.Database,
  coaches: CoachBook,
): ListKind<DataQualityFilter, DataQualityRow> {
  // From one coach to the next along the index.
  const coachesInOrder = sqlite
    .prepare<[], string>(
      `with recursive known (id) as (
         select min(s.coach_id) from conversations s where s.reported_at is not null and s.is_near_miss = 1
         union all
         select (select min(s.coach_id) from conversations s
                 where s.reported_at is not null and s.is_near_miss = 1 and s.coach_id > known.id)
         from known where known.id is not null)
       select id from known where id is not null`,
    )
    .pluck();

  const callParts = (filter: DataQualityFilter): ListPart[] => {
    const asked = filter.coaches.length === 0 ? null : new Set(coaches.idsOf(filter.coaches));
    const part = (key: ListPart['key'], coachId: string | null): ListPart => ({
      key: [0, ...key],
      sort: [{ column: 's.reported_at', isDescending: true }, { column: 's.id' }],
      params: { ...paramsOf(filter, coaches), coachId },
      rows: ({ behind, orderAndLimit }) =>
        `select ${MEMBER}, '${CALL}', s.id, s.reported_at, s.coach_id, s.channel, s.service_code, s.reported_at, s.id
         from conversations s cross join reported_members m on m.contact_id = s.contact_id
         where ${NEAR_MISS} and s.coach_id is @coachId and ${allOf(ofEmployers(filter.employers))} and ${behind}
         ${orderAndLimit}`,
    });
    const ofCoaches = coachesInOrder
      .all()
      .filter((id) => asked === null || asked.has(id))
      .map((id) => part([0, fold(coaches.nameOf(id) ?? id), id], id))
      .sort((one, other) => compareKeys(one.key, other.key));
    return asked === null ? [...ofCoaches, part([1, '', ''], null)] : ofCoaches;
  };

  const askedMemberProblems = (filter: DataQualityFilter) =>
    MEMBER_PROBLEMS.flatMap(({ problem, where, id }, index) => {
      // A member's problem is no coach's.
      if (!isAsked(filter, problem) || filter.coaches.length > 0) return [];
      return [{ problem, id, rank: index + 1, where: allOf([where, ...ofEmployers(filter.employers)]) }];
    });

  return {
    name: 'data-quality',
    parts: (filter) => [
      ...(isAsked(filter, CALL) ? callParts(filter) : []),
      ...askedMemberProblems(filter).map(({ problem, id, rank, where }) => ({
        key: [rank],
        sort: [{ column: id }],
        params: paramsOf(filter, coaches),
        rows: ({ behind, orderAndLimit }: Parameters<ListPart['rows']>[0]) =>
          `select ${MEMBER}, '${problem}', null, null, null, null, null, ${id} from reported_members m
           where ${where} and ${behind} ${orderAndLimit}`,
      })),
    ],
    counted: (filter) => {
      const params = paramsOf(filter, coaches);
      const calls = allOf([
        NEAR_MISS,
        ...(filter.coaches.length === 0 ? [] : ['s.coach_id in (select value from json_each(@coaches))']),
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
    present: ([contactId, userId, name, email, employer, problem, id, closedAt, coach, channel, code]) => {
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

function paramsOf(filter: DataQualityFilter, coaches: CoachBook): Params {
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
