import type { Context } from 'hono';
import { nowAt, type Clock } from '../clock.js';
import { dateOf, daysBetween } from '../rules/calendar.js';
import { isCoachingSession, sessionAt } from '../rules/sessions.js';
import type { Store } from '../store/ports/store.js';
import type { MemberRecord } from '../store/ports/queries.js';
import { LiveControls } from './live-controls.js';
import { MemberAttributes } from './member/attributes.js';
import { SessionMonths } from './member/session-months.js';
import { MemberSessions } from './member/sessions.js';
import { MemberWrites } from './member/writes.js';
import { Notice } from './parts/notice.js';
import { StatusLabel } from './parts/status.js';
import { Tiles, type Tile } from './parts/tiles.js';
import { Day, Instant, dayText, daysAgoText } from './parts/when.js';
import type { Render, View } from './render.js';

export interface MemberPageDeps {
  readonly store: Pick<Store, 'findMember'>;
  readonly clock: Clock;
  readonly timeZone: string;
  readonly render: Render;
}

/** One member: what is maintained and why, sessions, what does not count, and every write. */
export async function showMember(deps: MemberPageDeps, context: Context, id: string): Promise<Response> {
  const record = await deps.store.findMember(id);
  if (record === null) return deps.render(context, unknownMember());
  const { timeZone: zone } = deps;
  const { contact, decision } = record;
  const todayOn = dateOf(nowAt(deps.clock), zone);
  return deps.render(context, {
    title: `Member ${contact.id}`,
    current: null,
    liveEveryMs: 1000,
    body: () => (
      <>
        <div class="head">
          <h1>{contact.name ?? 'Member without a name'}</h1>
          <LiveControls />
        </div>
        <div id="member" data-live>
          <p class="lead">
            {contact.email ?? 'no e-mail address'} · User ID {contact.externalId ?? 'empty'} · Intercom
            contact {contact.id} · {contact.attributes.Employer ?? 'no Employer'}
          </p>
          <StatusSentence record={record} />
          {decision.warnings.length > 0 && (
            <Notice tone="problem" label="Warnings">
              <ul>
                {decision.warnings.map(({ attribute, message }) => (
                  <li>
                    {attribute}: {message}
                  </li>
                ))}
              </ul>
            </Notice>
          )}
          <Tiles label="At a glance" tiles={tilesOf(record, todayOn, zone)} />
          <h2>Attributes</h2>
          <MemberAttributes record={record} zone={zone} />
          <h2>Sessions and other conversations</h2>
          {record.conversations.length > 0 && (
            <SessionMonths conversations={record.conversations} todayOn={todayOn} zone={zone} />
          )}
          <MemberSessions conversations={byTime(record.conversations)} zone={zone} />
          {decision.nearMisses.length > 0 && (
            <>
              <h2>Closed calls not counted</h2>
              <ul>
                {decision.nearMisses.map(({ conversationId, closedAt, reasons }) => (
                  <li>
                    Conversation {conversationId}, closed <Instant at={closedAt} zone={zone} />:{' '}
                    {reasons.join('; ')}
                  </li>
                ))}
              </ul>
            </>
          )}
          <h2>Updates in Intercom</h2>
          <MemberWrites writes={record.writes} zone={zone} />
        </div>
      </>
    ),
  });
}

/** The status, why it holds, and when it changes next. */
function StatusSentence({ record: { decision } }: { readonly record: MemberRecord }) {
  const { status, evidence, nextChange } = decision;
  const because = evidence.find(({ attribute }) => attribute === 'Engagement Status')?.because;
  return (
    <p class="status-sentence" data-flash>
      <StatusLabel status={status ?? 'No Engagement Status'} />{' '}
      {status === null ? 'There is no Enrolled Date.' : `${because ?? ''}.`}
      {nextChange !== null && (
        <>
          {' '}
          {nextChange.to} from <Day on={nextChange.on} /> unless they have a qualifying call first.
        </>
      )}
    </p>
  );
}

function tilesOf({ decision, conversations }: MemberRecord, todayOn: string, zone: string): Tile[] {
  const { lastQualifyingAt, nextChange, nearMisses } = decision;
  const calledOn = lastQualifyingAt === null ? null : dateOf(lastQualifyingAt, zone);
  const daysUntil = nextChange === null ? 0 : daysBetween(todayOn, nextChange.on);
  return [
    calledOn === null
      ? { name: 'Last qualifying call', count: 'none known' }
      : {
          name: 'Last qualifying call',
          count: dayText(calledOn),
          note: daysAgoText(Math.max(0, daysBetween(calledOn, todayOn))),
        },
    nextChange === null
      ? { name: 'Next status change', count: 'none ahead' }
      : {
          name: 'Next status change',
          count: dayText(nextChange.on),
          note: `${nextChange.to} in ${daysUntil} ${daysUntil === 1 ? 'day' : 'days'}`,
        },
    { name: 'Coaching sessions', count: conversations.filter((one) => isCoachingSession(one)).length },
    { name: 'Closed calls not counted', count: nearMisses.length },
  ];
}

type Conversation = MemberRecord['conversations'][number];

function byTime(conversations: readonly Conversation[]): Conversation[] {
  const timeOf = (one: Conversation): number => sessionAt(one) ?? one.createdAt;
  return conversations.toSorted((one, other) => timeOf(other) - timeOf(one));
}

function unknownMember(): View {
  return {
    title: 'Unknown member',
    current: null,
    status: 404,
    body: () => (
      <>
        <h1>No such member</h1>
        <p>
          No member has this Intercom contact id or User ID. Leads and contacts that were archived, merged or
          deleted in Intercom have no page.
        </p>
        <p>
          <a href="/intercom/caseload">All members with sessions</a>
        </p>
      </>
    ),
  };
}
