import { nearMiss } from '../../../rules/sessions.js';
import { fold } from '../../../rules/vocabulary.js';
import type { DataQualityFilter, DataQualityProblem, DataQualityRow } from '../../report-store.js';
import type { ListKind, SqlValue } from './list.js';
import {
  MEMBER,
  memberColumns,
  number,
  OF_COACHES,
  OF_EMPLOYERS,
  text,
  type CoachBook,
  type Raw,
} from './parts.js';

const CALL = 'call does not count';
/** What a member can lack, in the order in which the list names it. */
const MEMBER_PROBLEMS = [
  {
    problem: 'no Enrolled Date',
    reason: 'Enrolled Date empty or unreadable',
    where: 'm.enrolled_on is null',
  },
  { problem: 'no User ID', reason: 'User ID empty', where: 'm.has_no_user_id = 1' },
  { problem: 'no Employer', reason: 'Employer empty', where: 'm.has_no_employer = 1' },
] as const satisfies readonly { problem: DataQualityProblem; reason: string; where: string }[];

const NO_CALL = 'null conversationId, null channel, null serviceCode, null closedAt, null coachId';

/** Closed calls that do not count, by coach and newest first, then members by what they lack. */
export function dataQualityList(coaches: CoachBook): ListKind<DataQualityFilter, DataQualityRow> {
  const isAsked = (filter: DataQualityFilter, problem: DataQualityProblem): boolean =>
    filter.problems.length === 0 || filter.problems.includes(problem);

  return {
    name: 'data-quality',
    keys: 6,
    query: (filter) => {
      const parts: string[] = [];
      if (isAsked(filter, CALL)) {
        parts.push(`select 0 k0, s.coach_id is null k1, fold(coalesce(c.name, s.coach_id, '')) k2,
            coalesce(s.coach_id, '') k3, -s.reported_at k4, s.id k5, '${CALL}' problem, ${MEMBER},
            s.id conversationId, s.channel channel, s.service_code serviceCode, s.reported_at closedAt,
            s.coach_id coachId
          from conversations s
          join reported_members m on m.contact_id = s.contact_id
          left join coaches c on c.id = s.coach_id
          where s.reported_at >= @closedFromAt and s.is_near_miss = 1 and ${OF_EMPLOYERS} and ${OF_COACHES}`);
      }
      for (const [index, { problem, where }] of MEMBER_PROBLEMS.entries()) {
        // A member's problem is no coach's.
        if (!isAsked(filter, problem) || filter.coaches.length > 0) continue;
        parts.push(`select ${index + 1} k0, 0 k1, '' k2, '' k3, 0 k4, m.contact_id k5, '${problem}' problem,
            ${MEMBER}, ${NO_CALL} from reported_members m where ${where} and ${OF_EMPLOYERS}`);
      }
      const none = `select 0 k0, 0 k1, '' k2, '' k3, 0 k4, '' k5, '' problem, ${MEMBER}, ${NO_CALL}
        from reported_members m where 0`;
      return {
        sql: parts.length === 0 ? none : parts.join(' union all '),
        params: paramsOf(filter, coaches, isAsked(filter, CALL)),
      };
    },
    present: (raw) => {
      const coachId = text(raw['coachId']);
      return {
        ...memberColumns(raw),
        ...problemOf(raw),
        conversationId: text(raw['conversationId']),
        closedAt: number(raw['closedAt']),
        coachId,
        coachName: coachId === null ? null : coaches.nameOf(coachId),
      };
    },
  };
}

function paramsOf(
  filter: DataQualityFilter,
  coaches: CoachBook,
  hasCalls: boolean,
): Record<string, SqlValue> {
  const ids = filter.coaches.length === 0 ? [] : coaches.idsOf(filter.coaches);
  return {
    employers: JSON.stringify(filter.employers.map(fold)),
    ...(hasCalls ? { closedFromAt: filter.closedFromAt, coaches: JSON.stringify(ids) } : {}),
  };
}

function problemOf(raw: Raw): Pick<DataQualityRow, 'problem' | 'reasons'> {
  const member = MEMBER_PROBLEMS.find(({ problem }) => problem === raw['problem']);
  if (member !== undefined) return { problem: member.problem, reasons: [member.reason] };
  const closedAt = Number(raw['closedAt']);
  const miss = nearMiss({
    id: String(raw['conversationId']),
    contactId: null,
    createdAt: closedAt,
    updatedAt: closedAt,
    state: 'closed',
    channel: text(raw['channel']),
    serviceCode: text(raw['serviceCode']),
    coachId: null,
    lastCloseAt: closedAt,
  });
  return { problem: CALL, reasons: miss?.reasons ?? [] };
}
