import { describe, expect, it } from 'vitest';
import type { Bench } from './bench.js';
import {
  DAY,
  NOW_MS,
  call,
  callChange,
  contact,
  contactChange,
  knowMember,
  lease,
  notification,
  workOn,
  settleOne,
} from './samples.js';

const DAY_MS = DAY * 1000;
const LATER_MS = NOW_MS + 31 * DAY_MS;

/** What tells of a contact after its deletion: found in stored payloads a piece at a time, and erased. */
export function exerciseErasedMentions({ storeOf }: Bench): void {
  describe('mentions of an erased contact', () => {
    it('in payloads about others are found, newest first, and what still waits is read by its id', async () => {
      const store = storeOf();
      await knowMember(store, 'gone');
      await knowMember(store, 'other');
      const naming = (id: string): Buffer => Buffer.from(`{"contacts":["${id}","other"]}`);
      await store.storeNotification(notification('group', { body: naming('gone'), lane: 'other' }));
      await store.storeNotification(notification('else', { body: naming('somebody'), lane: 'third' }));
      await store.apply(workOn([{ kind: 'contact-deleted', id: 'gone' }]));
      expect(await store.scrubPayloads(NOW_MS)).toEqual({ erased: 1, hasMore: false });
      expect(await store.scrubPayloads(NOW_MS)).toEqual({ erased: 0, hasMore: false });
      const taken = await store.leaseNotifications(lease());
      const bodies = new Map(taken.map((one) => [one.dedupeKey, one.body]));
      expect(bodies.get('group')).toBeNull();
      expect(bodies.get('else')).not.toBeNull();
    });

    it('of a thousand and more are found in one pass, and each further one begins no pass anew', async () => {
      const store = storeOf();
      const ids = Array.from({ length: 1100 }, (_, number) => `gone-${number}`);
      await store.apply(workOn(ids.map((id) => contactChange(contact(id)))));
      await knowMember(store, 'late');
      for (const [at, named] of ['nobody', 'gone-7', 'late', 'gone-1099', 'nobody'].entries()) {
        const body = Buffer.from(`{"contacts":["${named}"]}`);
        await store.storeNotification(notification(`n-${at}`, { body, receivedAtMs: NOW_MS + at }));
      }
      // More than one piece, so that something can happen in between.
      for (let at = 0; at < 70; at += 1) await store.storeNotification(notification(`other-${at}`));
      await store.apply(workOn(ids.map((id) => ({ kind: 'contact-deleted', id }) as const)));
      let erased = 0;
      let pieces = 0;
      for (let hasMore = true; hasMore; pieces += 1) {
        const piece = await store.scrubPayloads(NOW_MS);
        ({ hasMore } = piece);
        erased += piece.erased;
        if (pieces < 40) await store.apply(workOn([contactChange(contact(`more-${pieces}`))]));
        if (pieces < 40) await store.apply(workOn([{ kind: 'contact-deleted', id: `more-${pieces}` }]));
        if (pieces === 20) await store.apply(workOn([{ kind: 'contact-deleted', id: 'late' }]));
      }
      expect(erased).toBe(3);
      expect(pieces, 'every pass comes to its end').toBeGreaterThan(40);
      expect(await store.backlog(NOW_MS)).toMatchObject({ erasureAgeMs: null });
    });

    it.each([
      ['second', { contacts: { contacts: [{ id: 'other' }, { id: 'gone' }] } }],
      ['by e-mail alone', { source: { author: { email: 'Gone.Person@Example.test' } } }],
      ['by e-mail within a text', { body: '<p>write to gone.person@example.test.</p>' }],
      ['by e-mail in a link', { url: 'https://a.test/?to=gone.person%40example.test&x=1' }],
      ['by e-mail between apostrophes', { body: "<a href='gone.person@example.test'>" }],
      ['by e-mail in italics', { body: 'write to _gone.person@example.test_' }],
      ['by e-mail as an entity', { body: '<p>gone.person&#64;example.test, or &lt;GONE.person&#x40;…' }],
      ['by e-mail with a named entity', { body: '<p>gone.person&commat;example.test</p>' }],
      [
        'by e-mail in a link, all of it encoded',
        { url: 'https://a.test/?to%3D%3Cgone%2Eperson%40example%2Etest%3E' },
      ],
      ['by e-mail in JSON within JSON', { data: '{"email":"gone.person\\u0040example.test"}' }],
      [
        'by name in JSON within JSON',
        { data: JSON.stringify({ name: 'Gone Person', ref: 'x'.repeat(400) }) },
      ],
      ['by User ID', { custom_attributes: { 'Member Number': 'user-gone' } }],
      ['by a User ID as a number', { custom_attributes: { 'Member Number': 471_147 } }],
      ['by name', { source: { author: { name: 'Gone  Person' } } }],
      ['by an earlier e-mail', { source: { author: { email: 'maiden@example.test' } } }],
      ['by the e-mail of a contact merged into it', { author: { email: 'absorbed@example.test' } }],
    ])('in a payload that comes later, %s, are gone when it is settled', async (_, item) => {
      const store = storeOf();
      const person = { name: 'Gone Person', email: 'gone.person@example.test' };
      const before = contact('gone', { ...person, email: 'maiden@example.test' });
      const absorbed = contact('absorbed', { externalId: '471147' });
      await store.apply(workOn([contactChange(before), contactChange(absorbed)]));
      const later = contact('gone', { ...person, updatedAt: before.updatedAt + 1 });
      const merge = { kind: 'contact-merged', absorbedId: 'absorbed', survivorId: 'gone' } as const;
      await store.apply(workOn([contactChange(later), merge]));
      await knowMember(store, 'other');
      await store.apply(workOn([{ kind: 'contact-deleted', id: 'gone' }]));
      while ((await store.scrubPayloads(NOW_MS)).hasMore);

      const body = Buffer.from(JSON.stringify({ id: 'c-later', item }));
      await store.storeNotification(notification('later', { lane: 'other', body }));
      await store.storeNotification(notification('plain', { body: Buffer.from('{"id":"c-plain"}') }));
      for (let left = 2; left > 0; left -= 1) await settleOne(store);
      expect(await store.eraseOldPayloads(LATER_MS), 'only the other one still has its payload').toBe(1);
      const unreadable = { unreadable: 'cut off', subject: null, lane: null, body } as const;
      await store.storeNotification(notification('unreadable', unreadable));
      expect(await store.parked()).toEqual([]);
      expect(await store.eraseOldPayloads(LATER_MS)).toBe(0);
    });

    it('are not looked for when nobody knew the contact, until a day is over', async () => {
      const store = storeOf();
      const body = Buffer.from('{"contacts":["somebody","never-seen"]}');
      await store.storeNotification(notification('group', { body }));
      await store.apply(workOn([{ kind: 'contact-deleted', id: 'never-seen' }]));
      expect(await store.scrubPayloads(NOW_MS + 3_600_000)).toEqual({ erased: 0, hasMore: false });
      expect(await store.scrubPayloads(NOW_MS + DAY_MS)).toMatchObject({ erased: 1 });
      expect(await store.scrubPayloads(NOW_MS + 2 * DAY_MS)).toEqual({ erased: 0, hasMore: false });
    });

    it('let the name of a coach be, who was a contact once', async () => {
      const store = storeOf();
      await store.saveCoaches([{ id: '7', name: 'Coach Seven', email: 'seven@example.test' }]);
      await store.apply(
        workOn([contactChange(contact('gone', { name: 'Coach Seven', email: 'seven@example.test' }))]),
      );
      await store.apply(workOn([{ kind: 'contact-deleted', id: 'gone' }]));
      const body = Buffer.from('{"author":{"name":"Coach Seven","email":"seven@example.test"}}');
      await store.storeNotification(notification('later', { body }));
      await settleOne(store);
      expect(await store.eraseOldPayloads(LATER_MS)).toBe(1);
    });

    it('do not count any more when the contact turns out to be there', async () => {
      const store = storeOf();
      await knowMember(store, 'back');
      await store.apply(workOn([{ kind: 'contact-deleted', id: 'back' }]));
      const read = contactChange(contact('back'), NOW_MS + 2000);
      await store.apply(workOn([read], { nowMs: NOW_MS + 2000 }));
      const body = Buffer.from('{"contacts":["somebody","back"],"email":"back@example.test"}');
      await store.storeNotification(notification('later', { body }));
      await settleOne(store);
      expect(await store.eraseOldPayloads(LATER_MS)).toBe(1);
    });
  });

  describe('an erasure with very many payloads of its own', () => {
    it('is finished piece by piece, its conversations included', async () => {
      const store = storeOf();
      await knowMember(store, 'gone');
      await store.apply(workOn([callChange(call('call-of-gone', 'gone'))]));
      for (let at = 0; at < 130; at += 1) {
        await store.storeNotification(
          notification(`own-${at}`, { lane: 'gone', subject: { kind: 'contact', id: 'gone' } }),
        );
        await store.storeNotification(
          notification(`call-${at}`, { lane: null, subject: { kind: 'conversation', id: 'call-of-gone' } }),
        );
      }
      await store.apply(workOn([{ kind: 'contact-deleted', id: 'gone' }]));
      let erased = 0;
      for (let hasMore = true; hasMore;) {
        const piece = await store.finishErasures(NOW_MS);
        ({ hasMore } = piece);
        erased += piece.erased;
      }
      expect(erased).toBe(160);
      expect(await store.leaseNotifications(lease({ limit: 500 }))).toEqual([]);
      expect(await store.eraseOldPayloads(LATER_MS)).toBe(0);
    });
  });
}
