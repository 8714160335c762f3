import {
  channelOf,
  isCoachingSession,
  isQualifyingCall,
  serviceCodeOf,
  sessionAt,
} from '../../rules/sessions.js';
import type { MemberRecord } from '../../store/ports/queries.js';
import { DataTable } from '../parts/data-table.js';
import { countOf } from '../parts/numbers.js';
import { Instant } from '../parts/when.js';

type Conversation = MemberRecord['conversations'][number];

interface MemberSessionsProps {
  readonly conversations: readonly Conversation[];
  readonly zone: string;
}

/** A page shows no more than a person reads; `/API/intercom/members/{id}` has them all. */
const MAX = 100;

/** All cached conversations of the member, newest first, and what each of them counts as. */
export function MemberSessions({ conversations, zone }: MemberSessionsProps) {
  const left = conversations.length - MAX;
  return (
    <>
      <DataTable
        caption="Conversations, newest first"
        rows={conversations.slice(0, MAX)}
        empty="No conversation is known."
        columns={[
          { name: 'Closed', isRowHeader: true, cell: (one) => <Instant at={sessionAt(one)} zone={zone} /> },
          { name: 'Counts as', cell: countsAs },
          { name: 'Channel', cell: (one) => channelOf(one) ?? one.channel },
          { name: 'Service Code', cell: (one) => serviceCodeOf(one) ?? one.serviceCode },
          { name: 'Coach', cell: (one) => one.coachName ?? one.coachId },
          { name: 'State', cell: (one) => one.state },
          { name: 'Started', cell: (one) => <Instant at={one.createdAt} zone={zone} /> },
          { name: 'Conversation', cell: (one) => one.id },
        ]}
      />
      {left > 0 && <p class="empty">{countOf(left, 'older conversation')} not shown.</p>}
    </>
  );
}

function countsAs(conversation: Conversation): string {
  if (isQualifyingCall(conversation)) return 'qualifying call';
  return isCoachingSession(conversation) ? 'coaching session' : 'nothing';
}
