import { describe, expect, it } from 'vitest';
import {
  callAt,
  channelOf,
  isBillableCall,
  isCoachingSession,
  isQualifyingCall,
  nearMiss,
  serviceCodeOf,
  sessionAt,
} from '../src/rules/sessions.js';
import { at, call } from './support/rules-facts.js';

const CLOSED = '2026-10-01';

describe('what a conversation counts as', () => {
  it.each([
    ['Phone', 'Health Coaching 001', 'closed', { session: true, billable: true, qualifying: true }],
    [
      'Video Conference',
      'Disease Management 002',
      'closed',
      { session: true, billable: true, qualifying: true },
    ],
    [' phone ', 'HEALTH COACHING 001', 'closed', { session: true, billable: true, qualifying: true }],
    ['Phone', 'Nutrition 003', 'closed', { session: true, billable: true, qualifying: false }],
    ['Phone', null, 'closed', { session: true, billable: true, qualifying: false }],
    ['Email', 'Health Coaching 001', 'closed', { session: true, billable: false, qualifying: false }],
    ['Chat', null, 'closed', { session: true, billable: false, qualifying: false }],
    ['Phnoe', 'Health Coaching 001', 'closed', { session: false, billable: false, qualifying: false }],
    [null, 'Health Coaching 001', 'closed', { session: false, billable: false, qualifying: false }],
    ['Phone', 'Health Coaching 001', 'open', { session: false, billable: false, qualifying: false }],
    ['Phone', 'Health Coaching 001', 'snoozed', { session: false, billable: false, qualifying: false }],
  ] as const)('%s · %s · %s', (channel, serviceCode, state, expected) => {
    const conversation = call('1', CLOSED, { channel, serviceCode, state });
    expect({
      session: isCoachingSession(conversation),
      billable: isBillableCall(conversation),
      qualifying: isQualifyingCall(conversation),
    }).toEqual(expected);
  });

  it('is told in the canonical spelling', () => {
    expect(channelOf({ channel: ' video CONFERENCE' })).toBe('Video Conference');
    expect(serviceCodeOf({ serviceCode: 'disease management 002 ' })).toBe('Disease Management 002');
    expect(channelOf({ channel: 'Fax' })).toBeNull();
    expect(serviceCodeOf({ serviceCode: null })).toBeNull();
  });
});

describe('session time', () => {
  it('is the last close, else the last update, and none while the conversation is not closed', () => {
    expect(sessionAt(call('1', CLOSED))).toBe(at('2026-10-01T12:00:00Z'));
    expect(sessionAt(call('1', CLOSED, { lastCloseAt: null }))).toBe(at('2026-10-01T12:01:00Z'));
    expect(sessionAt(call('1', CLOSED, { state: 'open' }))).toBeNull();
  });
});

describe('the time for Last Call', () => {
  it.each([
    ['closed', 'Phone', '2026-10-01T12:00:00Z'],
    ['open', 'Phone', '2026-10-01T11:00:00Z'],
    ['snoozed', 'phone', '2026-10-01T11:00:00Z'],
    ['closed', 'Video Conference', null],
    ['open', null, null],
  ] as const)('of a conversation that is %s over %s', (state, channel, expected) => {
    const conversation = call('1', CLOSED, { state, channel, serviceCode: null });
    expect(callAt(conversation)).toBe(expected === null ? null : at(expected));
  });
});

describe('near misses', () => {
  it.each([
    ['Phone', null, ['Service Code empty']],
    ['Phone', '  ', ['Service Code empty']],
    ['Phone', 'Nutrition 003', ['Service Code unknown: Nutrition 003']],
    ['Video Conference', null, ['Service Code empty']],
    [null, 'Health Coaching 001', ['Channel empty']],
    ['Phnoe', 'Health Coaching 001', ['Channel unknown: Phnoe']],
    ['Phnoe', 'Helth Coaching', ['Channel unknown: Phnoe', 'Service Code unknown: Helth Coaching']],
    [null, null, ['Channel empty', 'Service Code empty']],
  ])('%s · %s says why', (channel, serviceCode, reasons) => {
    expect(nearMiss(call('9', CLOSED, { channel, serviceCode }))).toEqual({
      conversationId: '9',
      closedAt: at('2026-10-01T12:00:00Z'),
      coachId: '17',
      reasons,
    });
  });

  it.each([
    ['a call that qualifies', {}],
    ['an e-mail with a qualifying Service Code', { channel: 'Email' }],
    ['an e-mail without Service Code', { channel: 'Email', serviceCode: null }],
    ['a chat', { channel: 'chat', serviceCode: 'Nutrition 003' }],
    ['a call that is still open', { state: 'open', serviceCode: null }],
    ['a conversation that is snoozed', { state: 'snoozed', channel: null }],
  ] as const)('%s is none', (_what, others) => {
    expect(nearMiss(call('9', CLOSED, others))).toBeNull();
  });
});
