import type { Context } from 'hono';
import { sessionAt } from '../rules/sessions.js';
import type { MemberRecord, Store } from '../store/store.js';
import { LiveControls } from './live-controls.js';
import { MemberAttributes } from './member/attributes.js';
import { MemberSessions } from './member/sessions.js';
import { MemberWrites } from './member/writes.js';
import { Day, Instant } from './parts/when.js';
import { StatusLabel } from './parts/status.js';
import type { Render, View } from './render.js';

export interface MemberPageDeps {
  readonly store: Pick<Store, 'findMember'>;
  readonly timeZone: string;
  readonly render: Render;
}

/** One member: what is maintained and why, sessions, what does not count, and every write. */
export async function showMember(deps: MemberPageDeps, context: Context, id: string): Promise<Response> {
  const record = await deps.store.findMember(id);
  if (record === null) return deps.render(context, unknownMember());
  const { timeZone: zone } = deps;
  const { contact, decision } = record;
  const status = decision.evidence.find(({ attribute }) => attribute === 'Engagement Status');
  const { nextChange } = decision;
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
          <p data-flash>
            <StatusLabel status={decision.status ?? 'No Engagement Status'} />{' '}
            {decision.status === null ? 'There is no Enrolled Date.' : `${status?.because ?? ''}.`}
            {nextChange !== null && (
              <>
                {' '}
                {nextChange.to} from <Day on={nextChange.on} /> unless something happens before.
              </>
            )}
          </p>
          {decision.warnings.length > 0 && (
            <ul class="problem" aria-label="Warnings">
              {decision.warnings.map(({ attribute, message }) => (
                <li>
                  {attribute}: {message}
                </li>
              ))}
            </ul>
          )}
          <h2>Attributes</h2>
          <MemberAttributes record={record} zone={zone} />
          <h2>Sessions and other conversations</h2>
          <MemberSessions conversations={byTime(record.conversations)} zone={zone} />
          {decision.nearMisses.length > 0 && (
            <>
              <h2>Closed calls that do not count</h2>
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
          <h2>Writes to Intercom</h2>
          <MemberWrites writes={record.writes} zone={zone} />
        </div>
      </>
    ),
  });
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
      </>
    ),
  };
}
