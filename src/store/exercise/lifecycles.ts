import { describe, expect, it } from 'vitest';
import type { CacheChange } from '../ports/changes.js';
import type { Bench } from './bench.js';
import {
  handled,
  LEASE_MS,
  NOW_AT,
  NOW_MS,
  call,
  callChange,
  contact,
  contactChange,
  knowMember,
  lease,
  leaseOneWrite,
  notification,
  sentAll,
  workOn,
} from './samples.js';

/** Contacts and conversations that are archived, merged or deleted. */
export function exerciseLifecycles({ storeOf }: Bench): void {
  const later = { updatedAt: NOW_AT + 60 };
  const merge = (absorbedId: string, survivorId: string): CacheChange => ({
    kind: 'contact-merged',
    absorbedId,
    survivorId,
  });
  const remove = (id: string): CacheChange => ({ kind: 'contact-deleted', id });

  describe('a conversation that is deleted', () => {
    it('counts no longer, and a late snapshot of it only asks whether it is really gone', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      const deleted: CacheChange = { kind: 'conversation-deleted', id: 'call-of-a' };
      const late = callChange(call('call-of-a', 'a', later));
      expect(await store.apply(workOn([deleted]))).toMatchObject({ members: 1 });
      const asked = { kind: 'needs', reads: [{ kind: 'conversation', id: 'call-of-a' }] };
      expect(await store.apply(workOn([late]))).toEqual(asked);
      expect(await store.apply(workOn([late, deleted]))).toMatchObject({ kind: 'applied', members: 0 });
      const readBefore = callChange(call('call-of-a', 'a', later), NOW_MS - 1);
      expect(await store.apply(workOn([late, readBefore]))).toMatchObject({ kind: 'applied', members: 0 });
      const member = await store.findMember('a');
      expect(member?.conversations).toEqual([]);
      expect(member?.writes.every((write) => write.outcome === 'superseded')).toBe(true);
      expect(await store.leaseWrites(lease())).toEqual([]);
    });

    it('is back when Intercom still answers with it', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      await store.apply(workOn([{ kind: 'conversation-deleted', id: 'call-of-a' }]));
      const read = callChange(call('call-of-a', 'a'), NOW_MS + 1000);
      expect(await store.apply(workOn([read]))).toMatchObject({ kind: 'applied', members: 1 });
      expect((await store.findMember('a'))?.conversations).toHaveLength(1);
    });
  });

  describe('a contact that is archived', () => {
    it('is no member and is not written until it is back', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      await store.apply(workOn([{ kind: 'contact-archived', id: 'a', at: NOW_AT }]));
      expect(await store.findMember('a')).toBeNull();
      expect(await store.leaseWrites(lease())).toEqual([]);
      await store.apply(workOn([contactChange(contact('a', later))]));
      expect(await store.findMember('a'), 'a snapshot does not bring it back').toBeNull();

      await store.apply(workOn([{ kind: 'contact-unarchived', id: 'a', at: NOW_AT - 1 }]));
      expect(await store.findMember('a'), 'nor does an older event').toBeNull();
      const back = await store.apply(workOn([{ kind: 'contact-unarchived', id: 'a', at: NOW_AT }]));
      expect(back).toMatchObject({ members: 1 });
      expect(await store.leaseWrites(lease())).toHaveLength(1);
    });

    it('is not archived by an event older than its return', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      await store.apply(workOn([{ kind: 'contact-unarchived', id: 'a', at: NOW_AT }]));
      await store.apply(workOn([{ kind: 'contact-archived', id: 'a', at: NOW_AT - 1 }]));
      expect(await store.findMember('a')).not.toBeNull();
    });

    it('comes back although its archival claimed to be of the future', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      await store.apply(workOn([{ kind: 'contact-archived', id: 'a', at: NOW_AT + 86_400 }]));
      expect(await store.findMember('a')).toBeNull();
      await store.apply(workOn([{ kind: 'contact-unarchived', id: 'a', at: NOW_AT }]));
      expect(await store.findMember('a')).not.toBeNull();
    });

    it('needs no reading while it is archived, even when nothing else is known of it', async () => {
      const store = storeOf();
      await store.apply(workOn([{ kind: 'contact-archived', id: 'a', at: NOW_AT }]));
      expect(await store.apply(workOn([callChange(call('1', 'a'))]))).toMatchObject({
        kind: 'applied',
        members: 0,
      });
      const back = await store.apply(workOn([{ kind: 'contact-unarchived', id: 'a', at: NOW_AT }]));
      expect(back).toEqual({ kind: 'needs', reads: [{ kind: 'contact', id: 'a' }] });
    });
  });

  describe('contacts that are merged', () => {
    it('move their conversations to the survivor, which is recomputed', async () => {
      const store = storeOf();
      await knowMember(store, 'old');
      await store.apply(workOn([contactChange(contact('new'))]));
      expect(await store.apply(workOn([merge('old', 'new')]))).toMatchObject({ kind: 'applied', members: 1 });
      expect(await store.findMember('old')).toBeNull();
      expect(await store.findMember('user-old')).toBeNull();
      expect((await store.findMember('new'))?.conversations.map((one) => one.contactId)).toEqual(['new']);
      const write = await leaseOneWrite(store);
      expect(write.contactId).toBe('new');
    });

    it('ask for a survivor that is not known', async () => {
      const store = storeOf();
      await knowMember(store, 'old');
      const asked = { kind: 'needs', reads: [{ kind: 'contact', id: 'new' }] };
      expect(await store.apply(workOn([merge('old', 'new')]))).toEqual(asked);
      expect(await store.findMember('old'), 'nothing was stored').not.toBeNull();
    });

    it('stay merged, whatever arrives late, and through a second merge', async () => {
      const store = storeOf();
      for (const id of ['one', 'two', 'three']) await knowMember(store, id);
      await store.apply(workOn([merge('one', 'two')]));
      await store.apply(workOn([merge('two', 'three')]));
      await store.apply(workOn([merge('three', 'one')]));
      await store.apply(workOn([contactChange(contact('one', later))]));
      await store.apply(
        workOn([callChange(call('call-of-one', 'one', later)), callChange(call('new', 'two'))]),
      );
      expect(await store.findMember('one')).toBeNull();
      expect(await store.findMember('two')).toBeNull();
      const conversations = (await store.findMember('three'))?.conversations ?? [];
      expect(conversations.map((one) => one.id).sort()).toEqual([
        'call-of-one',
        'call-of-three',
        'call-of-two',
        'new',
      ]);
    });
  });

  describe('a contact that is deleted', () => {
    it('is gone for good, with its conversations, and its writes keep no trace of it', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      const write = await leaseOneWrite(store);
      await store.apply(workOn([], { completes: sentAll(write) }));
      await store.apply(workOn([remove('a')]));
      const late = contactChange(contact('a', later));
      const asked = { kind: 'needs', reads: [{ kind: 'contact', id: 'a' }] };
      expect(await store.apply(workOn([late]))).toEqual(asked);
      expect(await store.apply(workOn([late, remove('a')]))).toMatchObject({ kind: 'applied' });
      const readBefore = contactChange(contact('a', later), NOW_MS - 1);
      await store.apply(workOn([late, readBefore, callChange(call('1', 'a', later), NOW_MS)]));
      expect(await store.findMember('a')).toBeNull();
      expect(await store.findMember('user-a')).toBeNull();
      expect(await store.backlog(NOW_MS)).toMatchObject({ members: 0, conversations: 0, writesWaiting: 0 });
    });

    it('is back, its conversations to be read, when Intercom still answers with it', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      await store.apply(workOn([remove('a')]));
      const read = contactChange(contact('a', later), NOW_MS + 1000);
      const nowMs = NOW_MS + 1500;
      expect(await store.apply(workOn([read], { nowMs }))).toMatchObject({ kind: 'applied', members: 1 });
      expect(await store.findMember('a')).toMatchObject({ contact: { id: 'a' }, conversations: [] });
      const entries = await store.leaseNotifications(lease({ nowMs }));
      expect(entries).toMatchObject([{ origin: 'reread', subject: { kind: 'contact', id: 'a' } }]);
    });

    it('takes waiting writes with it, even one that is under way', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      const write = await leaseOneWrite(store);
      await store.apply(workOn([remove('a')]));
      expect(await store.apply(workOn([], { completes: sentAll(write) }))).toMatchObject({ kind: 'applied' });
      expect(await store.leaseWrites(lease({ nowMs: NOW_MS + LEASE_MS }))).toEqual([]);
      expect(await store.nextWriteDueAtMs()).toBeNull();
    });

    it('empties the inbox of what is about it, and lets other work be', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      await knowMember(store, 'b');
      await store.storeNotification(
        notification('deletion', { lane: 'a', subject: { kind: 'contact', id: 'a' } }),
      );
      await store.storeNotification(notification('in its lane', { lane: 'a', subject: null }));
      await store.storeNotification(
        notification('its call', {
          lane: 'conversation:call-of-a',
          subject: { kind: 'conversation', id: 'call-of-a' },
        }),
      );
      const unreadable = {
        lane: null,
        subject: null,
        unreadable: 'cut off',
        body: Buffer.from('{"id":"a","na'),
      };
      await store.storeNotification(notification('cut off', unreadable));
      await store.storeNotification(
        notification('other', { lane: 'b', subject: { kind: 'contact', id: 'b' } }),
      );
      const [deletion] = await store.leaseNotifications(lease({ limit: 1 }));
      expect(deletion?.dedupeKey).toBe('deletion');

      const completes = handled(deletion);
      expect(await store.apply(workOn([remove('a')], { completes }))).toMatchObject({ kind: 'applied' });
      const left = await store.leaseNotifications(lease());
      expect(left.map((one) => one.dedupeKey)).toEqual(['other']);
      expect(await store.parked()).toEqual([]);
    });

    it('takes those along that were merged into it, before or after', async () => {
      const store = storeOf();
      for (const id of ['before', 'after', 'a']) await knowMember(store, id);
      await store.apply(workOn([merge('before', 'a')]));
      await store.apply(workOn([remove('a')]));
      await store.apply(workOn([merge('after', 'a')]));
      expect(await store.findMember('after')).toBeNull();
      expect(await store.backlog(NOW_MS)).toMatchObject({ members: 0, conversations: 0 });
    });
  });
}
