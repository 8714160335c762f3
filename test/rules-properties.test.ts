import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttributeValue, ConversationFacts, MemberDecision, MemberFacts } from '../src/rules/facts.js';
import { decideMember } from '../src/rules/member.js';
import { at, contact, NEW_YORK } from './support/rules-facts.js';

const FROM = at('2025-06-01T00:00:00Z');
const TO = at('2027-06-01T00:00:00Z');
const instant = fc.integer({ min: FROM, max: TO });
/** Few distinct instants, so that held values often are those of calls. */
const fewInstants = fc.integer({ min: 0, max: 40 }).map((week) => FROM + week * 7 * 86_400 + 50_000);

const date: fc.Arbitrary<AttributeValue> = fc.oneof(
  fewInstants,
  fewInstants.map(String),
  fewInstants.map((seconds) => Math.floor(seconds / 86_400) * 86_400),
  fewInstants.map((seconds) => new Date(seconds * 1000).toISOString()),
  fc.constantFrom(null, '', '2026-05-05', '2026-02-30', 'soon', true, FROM * 1000),
);
const status = fc.constantFrom(null, 'Engaged', 'at risk ', 'Unengaged', 'Lost');

const conversation = (id: number): fc.Arbitrary<ConversationFacts> =>
  fc.record({
    id: fc.constant(String(id)),
    contactId: fc.constant('c1'),
    createdAt: fewInstants.map((seconds) => seconds - 3600),
    updatedAt: fewInstants,
    state: fc.constantFrom('closed', 'closed', 'closed', 'open', 'snoozed'),
    channel: fc.constantFrom('Phone', 'phone', 'Video Conference', 'Email', 'Phnoe', null),
    serviceCode: fc.constantFrom('Health Coaching 001', 'Disease Management 002', 'Nutrition', null),
    coachId: fc.constant(null),
    lastCloseAt: fc.option(fewInstants),
  });
const conversations = fc
  .integer({ min: 0, max: 6 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, id) => conversation(id))));

const facts: fc.Arbitrary<MemberFacts> = fc
  .record({
    attributes: fc.record({
      'Enrolled Date': date,
      'Registration Date': date,
      'Last Coaching Session': date,
      'First Session Date': date,
      'Last Call': date,
      'Engagement Status': status,
      'Engagement Status Date': date,
      'Eligible Programs': fc.constantFrom(null, 'Smart access', 'Basic'),
      Referral: fc.constantFrom(null, 'counter health', 'Elsewhere'),
    }),
    conversations,
    coverageFromAt: fc.option(fewInstants),
    waitingStatus: fc.option(
      fc.record({ status: fc.constantFrom('Engaged', 'At Risk'), decidedAt: fewInstants }),
    ),
    ownFirstSessionAt: fc.option(fewInstants),
  })
  .map(({ attributes, waitingStatus, ...rest }) => ({
    ...rest,
    contact: contact(attributes),
    keptForms: [],
    waiting:
      waitingStatus === null
        ? []
        : [
            { attribute: 'Engagement Status', before: null, after: waitingStatus.status },
            { attribute: 'Engagement Status Date', before: null, after: waitingStatus.decidedAt },
          ],
  }));

function decide(member: MemberFacts, nowAt: number): MemberDecision {
  const eligibleProgramsByReferral = { 'Counter Health': 'Smart Access' };
  return decideMember(member, { nowAt, timeZone: NEW_YORK, eligibleProgramsByReferral });
}

/** What is true once Intercom has taken the changes, keeping each value as `keep` says. */
function write(
  member: MemberFacts,
  { changes }: MemberDecision,
  keep: (value: AttributeValue) => AttributeValue = (value) => value,
): MemberFacts {
  const written = Object.fromEntries(changes.map((change) => [change.attribute, keep(change.after)]));
  const first = changes.find((change) => change.attribute === 'First Session Date');
  return {
    ...member,
    contact: { ...member.contact, attributes: { ...member.contact.attributes, ...written } },
    waiting: [],
    ownFirstSessionAt:
      first === undefined ? member.ownFirstSessionAt : typeof first.after === 'number' ? first.after : null,
    keptForms: [
      ...member.keptForms,
      ...changes.map(({ attribute, after }) => ({ attribute, sent: after, kept: keep(after) })),
    ],
  };
}

describe('a decision', () => {
  it('changes nothing more once its changes are in Intercom', () => {
    fc.assert(
      fc.property(facts, instant, (member, nowAt) => {
        const written = write(member, decide(member, nowAt));
        expect(decide(written, nowAt).changes).toEqual([]);
        expect(
          decide({ ...written, keptForms: [] }, nowAt + 30).changes.map((change) => change.attribute),
        ).toEqual(
          decide(member, nowAt + 30).status === decide(member, nowAt).status
            ? []
            : ['Engagement Status', 'Engagement Status Date'],
        );
      }),
      { numRuns: 500 },
    );
  });

  it('changes nothing more where Intercom cuts the times to the day', () => {
    const cut = (value: AttributeValue): AttributeValue =>
      typeof value === 'number' ? Math.floor(value / 86_400) * 86_400 : value;
    fc.assert(
      fc.property(facts, instant, (member, nowAt) => {
        expect(decide(write(member, decide(member, nowAt), cut), nowAt).changes).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('is the same in whatever order the conversations come', () => {
    fc.assert(
      fc.property(facts, instant, fc.infiniteStream(fc.nat()), (member, nowAt, keys) => {
        const shuffled = member.conversations
          .map((one) => ({ one, key: keys.next().value ?? 0 }))
          .toSorted((left, right) => left.key - right.key)
          .map(({ one }) => one);
        expect(decide({ ...member, conversations: shuffled }, nowAt)).toEqual(decide(member, nowAt));
      }),
    );
  });

  it('never dates a status that it does not change', () => {
    fc.assert(
      fc.property(facts, instant, (member, nowAt) => {
        const changed = new Set(decide(member, nowAt).changes.map((change) => change.attribute));
        return !changed.has('Engagement Status Date') || changed.has('Engagement Status');
      }),
    );
  });

  it('is followed by its next change: later than now, and then as foretold', () => {
    fc.assert(
      fc.property(facts, instant, (member, nowAt) => {
        const { nextChange, status: now } = decide(member, nowAt);
        if (nextChange === null) return;
        expect(nextChange.at).toBeGreaterThan(nowAt);
        expect(decide(member, nextChange.at - 1).status).toBe(now);
        expect(decide(member, nextChange.at).status).toBe(nextChange.to);
      }),
    );
  });
});
