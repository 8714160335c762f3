import { describe, expect, it } from 'vitest';
import type { AttributeValue, ConversationFacts, MemberFacts } from '../src/rules/facts.js';
import { decideMember } from '../src/rules/member.js';
import {
  at,
  call,
  changeOf,
  contact,
  context,
  evidenceOf,
  member,
  storedDate,
} from './support/rules-facts.js';

const ENROLLED = { 'Enrolled Date': storedDate('2026-09-01') };
const NOW = '2026-10-30';
const time = (on: string): number => at(`${on}T12:00:00Z`);

describe('Last Coaching Session', () => {
  const attribute = 'Last Coaching Session';

  it('is the session time of the latest qualifying call, whatever the order', () => {
    const calls = [
      call('2', '2026-10-01'),
      call('1', '2026-09-10'),
      call('3', '2026-10-20', { channel: 'Email' }),
    ];
    for (const conversations of [calls, calls.toReversed()]) {
      const decision = decideMember(member(ENROLLED, conversations), context(NOW));
      expect(changeOf(decision, attribute)).toBe(time('2026-10-01'));
      expect(evidenceOf(decision, attribute).conversationIds).toEqual(['2']);
      expect(decision.lastQualifyingAt).toBe(time('2026-10-01'));
    }
  });

  it('names every call where several share the time', () => {
    const decision = decideMember(
      member({}, [call('5', '2026-10-01'), call('4', '2026-10-01')]),
      context(NOW),
    );
    expect(evidenceOf(decision, attribute).conversationIds).toEqual(['4', '5']);
  });

  // Coverage begins on 1 Jan 2026, 00:00 in New York.
  it.each<[string, AttributeValue, ConversationFacts[], number | null | undefined]>([
    ['kept: older than the coverage, nothing newer known', time('2025-11-01'), [], undefined],
    ['kept as it is written: a string', String(time('2025-11-01')), [], undefined],
    ['kept: the last second before the coverage', at('2026-01-01T04:59:59Z'), [], undefined],
    ['cleared: the first second of the coverage', at('2026-01-01T05:00:00Z'), [], null],
    [
      'cleared: its call was reopened',
      time('2026-10-01'),
      [call('1', '2026-10-01', { state: 'open' })],
      null,
    ],
    [
      'cleared: its call was reclassified',
      time('2026-10-01'),
      [call('1', '2026-10-01', { serviceCode: null })],
      null,
    ],
    [
      'corrected downwards: its call is gone',
      time('2026-10-01'),
      [call('1', '2026-09-10')],
      time('2026-09-10'),
    ],
    ['corrected upwards', time('2025-11-01'), [call('1', '2026-09-10')], time('2026-09-10')],
    [
      'kept: newer than a cached call from before the coverage',
      time('2025-12-20'),
      [call('1', '2025-12-01')],
      undefined,
    ],
    ['right already', time('2026-09-10'), [call('1', '2026-09-10')], undefined],
    ['right already, as a string', String(time('2026-09-10')), [call('1', '2026-09-10')], undefined],
    ['overwritten: unreadable', 'last week', [call('1', '2026-09-10')], time('2026-09-10')],
    ['left alone: unreadable, and no call known', 'last week', [], undefined],
    ['cleared: in the future without a call', time('2027-01-01'), [], null],
  ])('is %s', (_what, held, conversations, after) => {
    const decision = decideMember(member({ ...ENROLLED, [attribute]: held }, conversations), context(NOW));
    expect(changeOf(decision, attribute)).toBe(after);
    const change = decision.changes.find((one) => one.attribute === attribute);
    expect(change?.before).toBe(after === undefined ? undefined : held);
  });

  it('is never corrected downwards while no backfill has finished', () => {
    const uncovered = { coverageFromAt: null };
    const held = { ...ENROLLED, [attribute]: time('2026-10-20') };
    const calls = [call('1', '2026-09-10')];
    expect(changeOf(decideMember(member(held, calls, uncovered), context(NOW)), attribute)).toBeUndefined();
    expect(changeOf(decideMember(member(held, [], uncovered), context(NOW)), attribute)).toBeUndefined();
    const newer = [call('1', '2026-10-25')];
    expect(changeOf(decideMember(member(held, newer, uncovered), context(NOW)), attribute)).toBe(
      time('2026-10-25'),
    );
  });

  it('decides the status even where it is kept from before the coverage', () => {
    const late = { coverageFromAt: at('2026-10-15T04:00:00Z') };
    const held = { 'Enrolled Date': storedDate('2025-01-01'), [attribute]: time('2026-10-10') };
    const decision = decideMember(member(held, [], late), context(NOW));
    expect(decision.status).toBe('Engaged');
    expect(decision.lastQualifyingAt).toBeNull();
    expect(evidenceOf(decision, 'Engagement Status').because).toBe(
      'Engaged because the last coaching session that Intercom holds was on Oct 10, 2026, 20 days ago',
    );
    expect(evidenceOf(decision, attribute).because).toContain('conversations are known from Oct 15, 2026 on');
  });
});

describe('Last Call', () => {
  it.each([
    ['the close of a closed phone call without Service Code', { serviceCode: null }, time('2026-10-01')],
    ['the beginning of an open phone call', { state: 'open' }, time('2026-10-01') - 3600],
    ['nothing of a video conference', { channel: 'Video Conference' }, undefined],
  ] as const)('is %s', (_what, others, after) => {
    const decision = decideMember(member(ENROLLED, [call('1', '2026-10-01', others)]), context(NOW));
    expect(changeOf(decision, 'Last Call')).toBe(after);
  });

  it('is corrected inside the coverage and kept before it', () => {
    const inside = decideMember(member({ 'Last Call': time('2026-10-01') }), context(NOW));
    expect(changeOf(inside, 'Last Call')).toBeNull();
    const before = decideMember(member({ 'Last Call': time('2025-10-01') }), context(NOW));
    expect(changeOf(before, 'Last Call')).toBeUndefined();
  });

  it('goes back to the beginning of the call when its call is reopened', () => {
    const reopened = call('1', '2026-10-01', { state: 'open' });
    const decision = decideMember(member({ 'Last Call': time('2026-10-01') }, [reopened]), context(NOW));
    expect(changeOf(decision, 'Last Call')).toBe(reopened.createdAt);
    expect(evidenceOf(decision, 'Last Call').because).toContain('begun (open now) on Oct 1, 2026');
  });
});

describe('First Session Date', () => {
  const attribute = 'First Session Date';
  const calls = [call('2', '2026-10-01'), call('1', '2026-09-10')];
  const first = time('2026-09-10');

  it.each<[string, MemberFacts, number | null | undefined]>([
    ['written with an Enrolled Date', member(ENROLLED, calls), first],
    ['written with a Registration Date alone', member({ 'Registration Date': '2026-08-01' }, calls), first],
    ['left without either date', member({}, calls), undefined],
    ['left with unreadable dates alone', member({ 'Enrolled Date': 'soon' }, calls), undefined],
    [
      'left without a qualifying call',
      member(ENROLLED, [call('1', '2026-10-01', { channel: 'Chat' })]),
      undefined,
    ],
    ['left while no backfill has finished', member(ENROLLED, calls, { coverageFromAt: null }), undefined],
    [
      'never touched when it comes from elsewhere',
      member({ ...ENROLLED, [attribute]: time('2026-10-15') }, calls),
      undefined,
    ],
    [
      'never touched when it comes from elsewhere and is unreadable',
      member({ ...ENROLLED, [attribute]: 'spring' }, calls),
      undefined,
    ],
  ])('is %s', (_what, facts, after) => {
    expect(changeOf(decideMember(facts, context(NOW)), attribute)).toBe(after);
  });

  const own = (
    on: string,
    conversations: ConversationFacts[],
    others: Partial<MemberFacts> = {},
  ): MemberFacts =>
    member({ ...ENROLLED, [attribute]: time(on) }, conversations, { ownFirstSessionAt: time(on), ...others });

  it.each<[string, MemberFacts, number | null | undefined]>([
    ['corrected when an earlier call becomes known', own('2026-10-01', calls), first],
    ['kept while its call stands', own('2026-09-10', calls), undefined],
    ['moved to the next call when its call no longer counts', own('2026-09-05', calls), first],
    ['cleared when no call is left', own('2026-09-05', []), null],
    ['kept when its call lies before the coverage', own('2025-12-01', calls), undefined],
    [
      'corrected before the coverage too, when an earlier call is known',
      own('2025-12-01', [call('0', '2025-11-01')]),
      time('2025-11-01'),
    ],
    ['kept while no backfill has finished', own('2026-09-05', [], { coverageFromAt: null }), undefined],
    [
      'kept when someone changed it since',
      own('2026-10-01', calls, { ownFirstSessionAt: time('2026-09-30') }),
      undefined,
    ],
  ])('written by this service is %s', (_what, facts, after) => {
    expect(changeOf(decideMember(facts, context(NOW)), attribute)).toBe(after);
  });

  it('is recognized as our own in the form in which Intercom keeps it', () => {
    const keptForms = [{ attribute, sent: time('2026-10-01'), kept: storedDate('2026-10-01') }] as const;
    const held = { ...ENROLLED, [attribute]: storedDate('2026-10-01') };
    const ownFirstSessionAt = time('2026-10-01');
    const corrected = decideMember(member(held, calls, { keptForms, ownFirstSessionAt }), context(NOW));
    expect(changeOf(corrected, attribute)).toBe(first);
    const standing = member(held, [call('2', '2026-10-01')], { keptForms, ownFirstSessionAt });
    expect(changeOf(decideMember(standing, context(NOW)), attribute)).toBeUndefined();
  });
});

describe('Engagement Status and its date', () => {
  it('are written together with the time of the decision', () => {
    const decision = decideMember(member(ENROLLED, [call('1', '2026-10-01')]), context(NOW));
    expect(changeOf(decision, 'Engagement Status')).toBe('At Risk');
    expect(changeOf(decision, 'Engagement Status Date')).toBe(context(NOW).nowAt);
    expect(decision.nextChange).toMatchObject({ on: '2026-11-27', to: 'Unengaged' });
  });

  it.each(['At Risk', ' at risk '])('are left as they are when Intercom holds %j already', (status) => {
    const date = { 'Engagement Status Date': time('2026-05-05') };
    const same = { ...ENROLLED, 'Engagement Status': status };
    for (const held of [same, { ...same, ...date }, { ...same, 'Engagement Status Date': 'unknown' }]) {
      const decision = decideMember(member(held, [call('1', '2026-10-01')]), context(NOW));
      expect(changeOf(decision, 'Engagement Status')).toBeUndefined();
      expect(changeOf(decision, 'Engagement Status Date')).toBeUndefined();
    }
  });

  it('keep the date decided first while the same change is on its way', () => {
    const waiting = [
      { attribute: 'Engagement Status', before: 'Engaged', after: 'At Risk' },
      { attribute: 'Engagement Status Date', before: null, after: time('2026-10-29') },
    ] as const;
    const held = { ...ENROLLED, 'Engagement Status': 'Engaged' };
    const retried = decideMember(member(held, [call('1', '2026-10-01')], { waiting }), context(NOW));
    expect(changeOf(retried, 'Engagement Status Date')).toBe(time('2026-10-29'));
    const arrived = { ...held, 'Engagement Status Date': time('2026-10-29') };
    const halfTaken = { waiting: waiting.slice(0, 1) };
    const rest = decideMember(member(arrived, [call('1', '2026-10-01')], halfTaken), context(NOW));
    expect(rest.changes.map((change) => change.attribute)).not.toContain('Engagement Status Date');
    const another = decideMember(member(held, [call('1', '2026-08-01')], { waiting }), context(NOW));
    expect(changeOf(another, 'Engagement Status')).toBe('Unengaged');
    expect(changeOf(another, 'Engagement Status Date')).toBe(context(NOW).nowAt);
  });

  it.each([
    ['empty', {}, 'Left alone: Enrolled Date is empty'],
    ['unreadable', { 'Enrolled Date': '2026-02-30' }, "Left alone: Enrolled Date can't be read"],
  ])('are left alone when Enrolled Date is %s', (_what, enrolled, because) => {
    const held = { ...enrolled, 'Engagement Status': 'Engaged' };
    const decision = decideMember(member(held, [call('1', '2026-01-10')]), context(NOW));
    for (const attribute of ['Engagement Status', 'Engagement Status Date'] as const) {
      expect(evidenceOf(decision, attribute)).toMatchObject({ wanted: { kind: 'leave' }, because });
    }
    expect(decision).toMatchObject({ status: null, nextChange: null });
    expect(changeOf(decision, 'Last Coaching Session')).toBe(time('2026-01-10'));
  });

  it('change at midnight in New York, not before', () => {
    const facts = member({ 'Enrolled Date': '2026-09-01' }, [call('1', '2026-10-01T23:50:00-04:00')]);
    expect(decideMember(facts, context('2026-10-29T23:59:59-04:00')).status).toBe('Engaged');
    expect(decideMember(facts, context('2026-10-30T00:00:00-04:00')).status).toBe('At Risk');
    expect(decideMember(facts, context('2026-11-26T23:59:59-05:00')).status).toBe('At Risk');
    expect(decideMember(facts, context('2026-11-27T00:00:00-05:00')).status).toBe('Unengaged');
  });

  it('take an Enrolled Date at midnight UTC as that date, not as the evening before', () => {
    const facts = member({ 'Enrolled Date': storedDate('2026-10-01') });
    expect(decideMember(facts, context('2026-10-29')).status).toBe('Engaged');
    expect(decideMember(facts, context('2026-10-30')).status).toBe('Unengaged');
  });
});

describe('the sentence of evidence', () => {
  it.each([
    [
      '2026-10-30',
      'At Risk because the last qualifying call, Phone · Health Coaching 001, closed on Oct 1, 2026, 29 days ago',
    ],
    [
      '2026-10-02',
      'Engaged because the last qualifying call, Phone · Health Coaching 001, closed on Oct 1, 2026, 1 day ago',
    ],
    [
      '2026-10-01',
      'Engaged because the last qualifying call, Phone · Health Coaching 001, closed on Oct 1, 2026, today',
    ],
    [
      '2026-09-30',
      'Engaged because the last qualifying call, Phone · Health Coaching 001, closed on Oct 1, 2026, in the future, which counts as today',
    ],
  ])('on %s', (now, because) => {
    const messy = call('1', '2026-10-01', { channel: ' phone ', serviceCode: 'health coaching 001' });
    const evidence = evidenceOf(decideMember(member(ENROLLED, [messy]), context(now)), 'Engagement Status');
    expect(evidence).toMatchObject({
      because,
      conversationIds: ['1'],
      figures: { lastQualifyingOn: '2026-10-01', todayOn: now },
    });
  });

  it('tells of enrollment where there is no call', () => {
    const evidence = evidenceOf(decideMember(member(ENROLLED), context(NOW)), 'Engagement Status');
    expect(evidence.because).toBe(
      'Unengaged because no qualifying call is known and Enrolled Date fell on Sep 1, 2026, 59 days ago',
    );
    expect(evidence.figures).toEqual({
      enrolledOn: '2026-09-01',
      lastQualifyingOn: null,
      todayOn: NOW,
      daysSince: 59,
    });
  });
});

describe('Eligible Programs', () => {
  it.each<[AttributeValue, AttributeValue, string | undefined]>([
    ['Counter Health', null, 'Smart Access'],
    [' counter HEALTH ', 'Basic', 'Smart Access'],
    ['Counter Health', 'smart access', undefined],
    ['Elsewhere', 'Basic', undefined],
    ['constructor', null, undefined],
    ['', 'Basic', undefined],
    [null, null, undefined],
  ])('with Referral %j and %j held', (referral, held, after) => {
    const facts = member({ Referral: referral, 'Eligible Programs': held });
    expect(changeOf(decideMember(facts, context(NOW)), 'Eligible Programs')).toBe(after);
  });
});

describe('what is left out', () => {
  it('says nothing of a lead', () => {
    const held = { ...ENROLLED, Referral: 'Counter Health', 'Last Call': 'soon' };
    const lead = member(held, [call('1', '2026-10-01'), call('2', '2026-10-02', { channel: null })]);
    const decision = decideMember({ ...lead, contact: contact(held, { role: 'lead' }) }, context(NOW));
    expect(decision.evidence.map((one) => one.wanted.kind)).toEqual(Array(6).fill('leave'));
    expect(decision).toMatchObject({
      changes: [],
      status: null,
      nextChange: null,
      nearMisses: [],
      warnings: [],
    });
  });

  it('warns of every date that cannot be read, without repeating it', () => {
    const held = {
      'Enrolled Date': storedDate('2026-09-01') * 1000,
      'Date of Birth': '07/04/1951',
      'Last Call': true,
    };
    const { warnings } = decideMember(member(held), context(NOW));
    expect(warnings.map((warning) => warning.attribute)).toEqual([
      'Last Call',
      'Enrolled Date',
      'Date of Birth',
    ]);
    expect(warnings[1]?.message).toBe(
      "Enrolled Date can't be read and counts as missing: as Unix seconds it is too far away: it may be in milliseconds",
    );
    expect(JSON.stringify(warnings)).not.toContain('1951');
  });

  it('lists near misses, newest first', () => {
    const calls = [
      call('1', '2026-09-01', { serviceCode: null }),
      call('2', '2026-10-01', { channel: 'Phnoe' }),
      call('3', '2026-10-02'),
    ];
    const { nearMisses } = decideMember(member(ENROLLED, calls), context(NOW));
    expect(nearMisses.map(({ conversationId, reasons }) => [conversationId, ...reasons])).toEqual([
      ['2', 'Channel unknown: Phnoe'],
      ['1', 'Service Code empty'],
    ]);
  });
});
