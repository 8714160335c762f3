import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  hashContent,
  readEnvelope,
  readMeaning,
  readStored,
  type Meaning,
} from '../src/intercom/notification.js';

const AT = 1_790_000_000;

function envelope(topic: string, item: unknown, fields: Record<string, unknown> = {}): Uint8Array {
  const notification = {
    type: 'notification_event',
    app_id: 'abc12345',
    id: 'notif_6e9c3a52-93f5-4a3d-8f4e-1d9e6b0a2c11',
    topic,
    created_at: AT,
    data: { type: 'notification_event_data', item },
    ...fields,
  };
  return new TextEncoder().encode(JSON.stringify(notification));
}

const contact = {
  type: 'contact',
  id: '6762f0dd1bb69f9f2193bb83',
  role: 'user',
  external_id: 'M-1001',
  name: 'Invented Member',
  email: 'member@example.com',
  created_at: '2026-01-10T04:39:55.465+00:00',
  updated_at: '2026-09-21T14:13:20.000+00:00',
  custom_attributes: { 'Enrolled Date': 1_780_000_000, 'Shoe Size': 43 },
};
const conversation = {
  type: 'conversation',
  id: '215470001',
  created_at: AT - 3600,
  updated_at: AT,
  state: 'closed',
  open: false,
  admin_assignee_id: 5_210_001,
  contacts: { type: 'contact.list', contacts: [{ type: 'contact', id: contact.id, external_id: 'M-1001' }] },
  statistics: { type: 'conversation_statistics', last_close_at: '2026-09-21T14:13:20.000Z' },
  custom_attributes: { Channel: 'Phone', 'Service Code': 'Health Coaching 001' },
};
const legacyConversation = {
  type: 'conversation',
  id: '15821034',
  created_at: AT - 3600,
  updated_at: AT,
  open: false,
  state: 'closed',
  user: { type: 'user', id: contact.id, user_id: 'M-1001' },
  assignee: { type: 'admin', id: 5_210_001 },
};

const subjectOf = (body: Uint8Array): unknown => {
  const read = readEnvelope(body);
  return read.kind === 'ok' ? read.envelope.subject : read;
};

const CONVERSATION_TOPICS = [
  'conversation.admin.closed',
  'conversation.admin.opened',
  'conversation.admin.assigned',
  'conversation.admin.open.assigned',
  'conversation.admin.replied',
  'conversation.admin.noted',
  'conversation.admin.snoozed',
  'conversation.admin.unsnoozed',
  'conversation.admin.single.created',
  'conversation.user.created',
  'conversation.user.replied',
  'conversation.operator.replied',
  'conversation.rating.added',
  'conversation.priority.updated',
  'conversation.read',
  'conversation.contact.attached',
  'conversation.contact.detached',
  'conversation.closed',
];
const CONTACT_TOPICS = [
  'contact.user.created',
  'contact.user.updated',
  'contact.lead.created',
  'contact.lead.updated',
  'contact.lead.added_email',
  'contact.lead.signed_up',
  'contact.email.updated',
  'contact.updated',
];

describe('what the request needs to know', () => {
  it.each(CONVERSATION_TOPICS)('%s is about its conversation, in the lane of its first contact', (topic) => {
    expect(readEnvelope(envelope(topic, conversation))).toEqual({
      kind: 'ok',
      envelope: {
        id: 'notif_6e9c3a52-93f5-4a3d-8f4e-1d9e6b0a2c11',
        topic,
        knownTopic: topic,
        appId: 'abc12345',
        createdAt: AT,
        subject: { kind: 'conversation', id: conversation.id },
        lane: contact.id,
        interest: 'handle',
      },
    });
  });

  it.each(CONTACT_TOPICS)('%s is about its contact, in its lane', (topic) => {
    expect(readEnvelope(envelope(topic, contact))).toMatchObject({
      envelope: {
        knownTopic: topic,
        subject: { kind: 'contact', id: contact.id },
        lane: contact.id,
        interest: 'handle',
      },
    });
  });

  it('a ping has no id and nothing to do', () => {
    const ping = envelope('ping', { type: 'ping', message: 'hello' }, { id: null });
    expect(readEnvelope(ping)).toMatchObject({ envelope: { id: null, interest: 'ping', subject: null } });
  });

  it.each(['ticket.closed', 'company.created', 'call.ended', 'visitor.signed_up', 'granular.subscribe'])(
    '%s is ignored, and a topic nobody knows is counted as other',
    (topic) => {
      expect(readEnvelope(envelope(topic, { type: 'ticket', id: '7' }))).toMatchObject({
        envelope: { interest: 'ignore', knownTopic: 'other' },
      });
    },
  );

  it('an old payload without contacts has the lane of its conversation', () => {
    const read = readEnvelope(envelope('conversation.admin.closed', legacyConversation));
    expect(read).toMatchObject({ envelope: { lane: 'conversation:15821034' } });
  });

  it('ids may be numbers, and what could leave a path is none', () => {
    expect(subjectOf(envelope('conversation.read', { ...conversation, id: 215_470_001 }))).toEqual({
      kind: 'conversation',
      id: '215470001',
    });
    for (const id of ['../admins', 'a/b', '', ' ', null, 1.5, {}, ['x']]) {
      expect(subjectOf(envelope('contact.user.updated', { ...contact, id }))).toBeNull();
    }
  });

  it('contacts wrapped in a tag or a subscription are found', () => {
    const tag = { type: 'contact_tag', created_at: AT, tag: { id: '5' }, contact };
    const expected = { kind: 'contact', id: contact.id };
    expect(subjectOf(envelope('contact.user.tag.created', tag))).toEqual(expected);
    expect(subjectOf(envelope('contact.unsubscribed', { type: 'subscription', contact }))).toEqual(expected);
    const part = { type: 'conversation_part', id: '9', conversation_id: conversation.id };
    expect(subjectOf(envelope('conversation_part.redacted', part))).toEqual({
      kind: 'conversation',
      id: conversation.id,
    });
  });

  it.each([
    ['nothing', ''],
    ['a cut-off body', '{"type":"notification_event","topic":"conversation.adm'],
    ['a list', '[]'],
    ['a number', '5'],
    ['null', 'null'],
    ['no topic', '{"id":"notif_1"}'],
    ['an empty topic', '{"topic":""}'],
    ['a topic that is no text', '{"topic":5}'],
  ])('%s cannot be read', (_what, text) => {
    expect(readEnvelope(new TextEncoder().encode(text)).kind).toBe('unreadable');
  });

  it('bytes that are not UTF-8 cannot be read', () => {
    expect(readEnvelope(new Uint8Array([0x7b, 0xff, 0x7d]))).toEqual({
      kind: 'unreadable',
      why: 'not UTF-8',
    });
  });
});

describe('what a notification says', () => {
  const meaningOf = (topic: string, item: unknown): Meaning => readMeaning(topic, item, AT);

  it('the conversation, complete: ISO times inside the statistics included', () => {
    expect(meaningOf('conversation.admin.closed', conversation)).toEqual({
      kind: 'conversation',
      lacks: [],
      conversation: {
        id: conversation.id,
        contactId: contact.id,
        createdAt: AT - 3600,
        updatedAt: AT,
        state: 'closed',
        channel: 'Phone',
        serviceCode: 'Health Coaching 001',
        coachId: '5210001',
        lastCloseAt: AT,
      },
    });
  });

  it.each([
    ['statistics', { statistics: null }, ['statistics']],
    ['the close time', { statistics: { last_close_at: null } }, ['closeTime']],
    ['custom attributes', { custom_attributes: undefined }, ['customAttributes']],
    ['contacts', { contacts: undefined }, ['contact']],
  ])('a conversation lacks %s', (_what, without, lacks) => {
    expect(meaningOf('conversation.admin.closed', { ...conversation, ...without })).toMatchObject({ lacks });
  });

  it('a conversation of the generation with a user has to be read', () => {
    expect(meaningOf('conversation.admin.closed', legacyConversation)).toEqual({
      kind: 'read',
      subject: { kind: 'conversation', id: '15821034' },
    });
  });

  it('the contact, with the attributes that are kept and no others', () => {
    expect(meaningOf('contact.user.updated', contact)).toEqual({
      kind: 'contact',
      lacks: [],
      contact: {
        id: contact.id,
        role: 'user',
        externalId: 'M-1001',
        name: 'Invented Member',
        email: 'member@example.com',
        createdAt: Date.parse('2026-01-10T04:39:55Z') / 1000,
        updatedAt: AT,
        attributes: { 'Enrolled Date': 1_780_000_000 },
      },
    });
  });

  it('a deleted conversation is named by conversation_id', () => {
    const item = { type: 'conversation', conversation_id: '215470001' };
    expect(meaningOf('conversation.deleted', item)).toEqual({
      kind: 'conversation-deleted',
      id: '215470001',
    });
  });

  it.each(['contact.archived', 'contact.archive'])('%s archives', (topic) => {
    const item = { id: contact.id, external_id: 'M-1001', type: 'contact', archived: true };
    expect(meaningOf(topic, item)).toEqual({ kind: 'contact-archived', id: contact.id, at: AT });
  });

  it.each(['contact.unarchived', 'contact.unarchive'])('%s brings back', (topic) => {
    expect(meaningOf(topic, contact)).toMatchObject({ kind: 'contact-unarchived', id: contact.id, at: AT });
  });

  it.each(['contact.deleted', 'user.deleted'])('%s deletes', (topic) => {
    const item = { id: contact.id, type: topic.split('.')[0], deleted: true };
    expect(meaningOf(topic, item)).toEqual({ kind: 'contact-deleted', id: contact.id });
  });

  it('a merge names the survivor, and the absorbed contact where the payload does', () => {
    const named = { ...contact, merged_from: { type: 'contact', id: 'absorbed1' } };
    expect(meaningOf('contact.merged', named)).toMatchObject({
      kind: 'contact-merged',
      survivorId: contact.id,
      absorbedId: 'absorbed1',
    });
    expect(meaningOf('contact.merged', contact)).toMatchObject({ absorbedId: null });
    const itself = { ...contact, merged_from: { id: contact.id } };
    expect(meaningOf('contact.merged', itself)).toMatchObject({ absorbedId: null });
  });

  it('only a body without any id is unreadable', () => {
    expect(meaningOf('contact.user.updated', { type: 'contact', name: 'x' }).kind).toBe('unreadable');
    expect(meaningOf('contact.user.updated', { id: contact.id })).toEqual({
      kind: 'read',
      subject: { kind: 'contact', id: contact.id },
    });
    expect(meaningOf('contact.user.updated', null).kind).toBe('unreadable');
  });

  it('attributes that only every object has are none', () => {
    const item = `{"type":"contact","id":"c1","role":"user","updated_at":1790000000,
      "custom_attributes":{"__proto__":{"Employer":"evil"},"constructor":"evil"}}`;
    expect(meaningOf('contact.user.updated', JSON.parse(item))).toMatchObject({
      contact: { attributes: {} },
    });
  });
});

describe('an id is taken wherever it stands', () => {
  const attached = (model: object, parts: readonly object[]): object => ({
    conversation: { parts, options: { expand_for_notification: true }, model },
    contact: { ...contact, custom_attributes: {} },
  });
  const topics = ['conversation.contact.attached', 'conversation.contact.detached'];
  const places: readonly (readonly [string, object])[] = [
    [
      'model and part',
      attached({ id: 215_480_000_000_001 }, [{ id: 7, conversation_id: 215_480_000_000_001 }]),
    ],
    ['the model alone', attached({ id: 215_480_000_000_001 }, [])],
    ['a part alone', attached({}, [{ id: 6 }, { id: 7, conversation_id: '215480000000001' }])],
    ['the conversation, as a number', { conversation: { id: 215_480_000_000_001 } }],
    ['the conversation as nothing but its id', { conversation: 215_480_000_000_001, contact }],
    ['a part beside it', { conversation_part: { id: 9, conversation_id: 215_480_000_000_001 } }],
  ];
  it.each(topics.flatMap((topic) => places.map(([place, item]) => [topic, place, item] as const)))(
    '%s: in %s, and the conversation is read by it',
    (topic, _place, item) => {
      const subject = { kind: 'conversation', id: '215480000000001' };
      expect(subjectOf(envelope(topic, item))).toEqual(subject);
      expect(readMeaning(topic, item, AT)).toEqual({ kind: 'read', subject });
    },
  );

  it('numbers that JavaScript has none for keep all their digits', () => {
    const body = new TextEncoder().encode(
      '{"id":"notif_1","topic":"conversation.contact.attached","data":{"item":{"conversation":{"model":{"id":9007199254740993}}}}}',
    );
    expect(subjectOf(body)).toEqual({ kind: 'conversation', id: '9007199254740993' });
    const deleted = new TextEncoder().encode(
      '{"id":"notif_2","topic":"conversation.deleted","data":{"item":{"conversation_id": 123456789012345678901}}}',
    );
    expect(subjectOf(deleted)).toEqual({ kind: 'conversation', id: '123456789012345678901' });
  });

  it('a contact by contact_id too', () => {
    const tag = { type: 'contact_tag', contact_id: contact.id };
    expect(subjectOf(envelope('contact.user.tag.created', tag))).toEqual({ kind: 'contact', id: contact.id });
  });
});

describe('whatever comes', () => {
  const topics = fc.constantFrom(
    ...CONVERSATION_TOPICS,
    ...CONTACT_TOPICS,
    'contact.merged',
    'ping',
    'x',
    '',
  );

  it('is read without a throw: any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        expect(['ok', 'unreadable']).toContain(readEnvelope(body).kind);
        expect(() => readStored(body)).not.toThrow();
      }),
    );
  });

  it('is read without a throw: any JSON under any topic', () => {
    fc.assert(
      fc.property(topics, fc.jsonValue(), (topic, item) => {
        expect(readEnvelope(envelope(topic, item)).kind).toBe(topic === '' ? 'unreadable' : 'ok');
        expect(typeof readMeaning(topic, item, AT).kind).toBe('string');
      }),
      { numRuns: 500 },
    );
  });

  it('is read without a throw: real shapes with anything in their places', () => {
    const holes = fc.dictionary(
      fc.constantFrom(
        ...Object.keys(contact),
        ...Object.keys(conversation),
        '__proto__',
        'user',
        'merged_from',
      ),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(topics, holes, fc.boolean(), (topic, hole, isContact) => {
        const item = { ...(isContact ? contact : conversation), ...hole };
        expect(typeof readMeaning(topic, item, AT).kind).toBe('string');
      }),
      { numRuns: 1000 },
    );
    expect({}).not.toHaveProperty('Employer');
  });

  it('is read without a throw: nested ten thousand deep', () => {
    const deep = new TextEncoder().encode(`${'{"data":'.repeat(10_000)}1${'}'.repeat(10_000)}`);
    expect(readEnvelope(deep).kind).toBe('unreadable');
    expect(readStored(deep)).toEqual({ item: null, appId: null });
  });
});

describe('the hash of what a notification says', () => {
  const bytes = (value: object): Uint8Array => Buffer.from(JSON.stringify(value));
  const said = { topic: 'contact.user.updated', app_id: 'abc', created_at: AT, data: { item: contact } };

  it('is the same for each delivery, and another one for another event under the same id', () => {
    const first = hashContent(bytes({ ...said, id: 'notif_1', delivery_attempts: 1, delivered_at: 0 }));
    const again = bytes({ delivered_at: AT, delivery_attempts: 2, id: 'notif_1', ...said });
    const other = bytes({ ...said, id: 'notif_1', data: { item: { ...contact, name: 'Another' } } });
    expect(first).toMatch(/^[\w-]{22}$/);
    expect(hashContent(again)).toBe(first);
    expect(hashContent(other)).not.toBe(first);
  });

  it('is that of the bytes where they are no notification', () => {
    expect(hashContent(Buffer.from('no JSON'))).not.toBe(hashContent(Buffer.from('no JSON either')));
    expect(hashContent(Buffer.from('[1]'))).not.toBe(hashContent(Buffer.from('[2]')));
  });
});
