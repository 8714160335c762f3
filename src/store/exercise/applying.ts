import { describe, expect, it } from 'vitest';
import type { CacheChange } from '../ports/changes.js';
import type { Work } from '../ports/cache.js';
import type { Store } from '../ports/store.js';
import type { Bench } from './bench.js';
import {
  handled,
  DAY,
  NOW_AT,
  NOW_MS,
  call,
  callChange,
  contact,
  contactChange,
  decideAt,
  knowMember,
  lease,
  notification,
  workOn,
} from './samples.js';

const EARLIER = NOW_AT - DAY;
const LATER = EARLIER + 60;

/** The cache: newest snapshot wins, ties are read again, and what is known is recomputed at once. */
export function exerciseApplying({ storeOf }: Bench): void {
  const coachOf = async (store: Store, contactId: string): Promise<string | null | undefined> =>
    (await store.findMember(contactId))?.conversations[0]?.coachId;

  describe('applying what became known', () => {
    it('caches, decides and queues in one go', async () => {
      const store = storeOf();
      const applied = await store.apply(workOn([contactChange(contact('a')), callChange(call('1', 'a'))]));
      expect(applied).toEqual({
        kind: 'applied',
        members: 1,
        queued: [
          { contactId: 'a', attribute: 'Last Call', before: null, after: EARLIER },
          { contactId: 'a', attribute: 'Engagement Status', before: null, after: 'Engaged' },
          { contactId: 'a', attribute: 'Engagement Status Date', before: null, after: NOW_AT },
        ],
        waiting: [],
      });
      expect(await store.findMember('a')).toMatchObject({
        contact: contact('a'),
        decision: { status: 'Engaged', lastQualifyingAt: EARLIER },
        conversations: [{ ...call('1', 'a'), coachName: null }],
        writes: [
          { outcome: 'waiting' },
          { outcome: 'waiting' },
          { attribute: 'Last Call', outcome: 'waiting' },
        ],
      });
    });

    it('changes nothing when the same comes again', async () => {
      const store = storeOf();
      const work = workOn([contactChange(contact('a')), callChange(call('1', 'a'))]);
      await store.apply(work);
      const before = await store.findMember('a');
      expect(await store.apply(work)).toEqual({ kind: 'applied', members: 0, queued: [], waiting: [] });
      expect(await store.findMember('a')).toEqual(before);
    });

    it('ends in the same state whatever the order in which snapshots arrive', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      await store.apply(
        workOn([callChange(call('call-of-a', 'a', { updatedAt: LATER + 60, coachId: '9' }))]),
      );
      await store.apply(workOn([callChange(call('call-of-a', 'a', { updatedAt: LATER, coachId: '8' }))]));
      expect(await coachOf(store, 'a')).toBe('9');
    });

    it('asks to read the object when two different snapshots are of the same second', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      const tie = callChange(call('call-of-a', 'a', { coachId: '8' }));
      const asked = await store.apply(workOn([tie, tie]));
      expect(asked).toEqual({ kind: 'needs', reads: [{ kind: 'conversation', id: 'call-of-a' }] });
      expect(await coachOf(store, 'a'), 'nothing was stored').toBe('7');

      const read = callChange(call('call-of-a', 'a', { coachId: '9' }), NOW_MS);
      expect(await store.apply(workOn([tie, tie, read]))).toMatchObject({ kind: 'applied', members: 1 });
      expect(await coachOf(store, 'a')).toBe('9');
    });

    it('asks to read a contact whose two snapshots of one second differ', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      const tie = contactChange(contact('a', { attributes: { Employer: 'Acme' } }));
      expect(await store.apply(workOn([tie]))).toEqual({
        kind: 'needs',
        reads: [{ kind: 'contact', id: 'a' }],
      });
      const gone: CacheChange = { kind: 'contact-deleted', id: 'a' };
      expect(await store.apply(workOn([tie, gone]))).toMatchObject({ kind: 'applied' });
    });

    it('asks for a contact that a conversation names and the cache does not know', async () => {
      const store = storeOf();
      const changes = [callChange(call('1', 'a')), callChange(call('2', 'a')), callChange(call('3', 'b'))];
      expect(await store.apply(workOn(changes))).toEqual({
        kind: 'needs',
        reads: [
          { kind: 'contact', id: 'a' },
          { kind: 'contact', id: 'b' },
        ],
      });
      const known = [...changes, contactChange(contact('a'), NOW_MS), contactChange(contact('b'), NOW_MS)];
      expect(await store.apply(workOn(known))).toMatchObject({ kind: 'applied', members: 2 });
    });

    it('keeps a conversation of an unknown contact for later where a search found it', async () => {
      const store = storeOf();
      const found = workOn([callChange(call('1', 'a'))], { unknownContacts: 'accept' });
      expect(await store.apply(found)).toMatchObject({ kind: 'applied', members: 0 });
      expect(await store.findMember('a')).toBeNull();
      const applied = await store.apply(workOn([contactChange(contact('a'))]));
      expect(applied).toMatchObject({ kind: 'applied', members: 1 });
      expect((await store.findMember('a'))?.conversations).toHaveLength(1);
    });

    it('recomputes both contacts when a conversation changes hands', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      await store.apply(workOn([contactChange(contact('b'))]));
      const moved = callChange(call('call-of-a', 'b', { updatedAt: LATER }));
      expect(await store.apply(workOn([moved]))).toMatchObject({ members: 2 });
      expect((await store.findMember('a'))?.decision.lastQualifyingAt).toBeNull();
      expect((await store.findMember('b'))?.decision.lastQualifyingAt).toBe(EARLIER);
    });

    it('keeps leads without making them members, until they become users', async () => {
      const store = storeOf();
      const lead = contact('a', { role: 'lead' });
      const applied = await store.apply(workOn([contactChange(lead), callChange(call('1', 'a'))]));
      expect(applied).toEqual({ kind: 'applied', members: 0, queued: [], waiting: [] });
      expect(await store.findMember('a')).toBeNull();
      const signedUp = contactChange(contact('a', { updatedAt: lead.updatedAt + 1 }));
      expect(await store.apply(workOn([signedUp]))).toMatchObject({ members: 1 });
      expect(await store.findMember('a')).not.toBeNull();
    });

    it('stores nothing when the lease of what it completes is lost', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a'));
      const [leased] = await store.leaseNotifications(lease());
      const changes = [contactChange(contact('a'))];
      const others: Work['completes'][] = [
        { ...handled(leased), lease: { owner: 'process-2', token: 1 } },
        { ...handled(leased), lease: { owner: 'process-1', token: 2 } },
        { ...handled(leased), id: 4711 },
        {
          kind: 'write',
          contactId: 'a',
          lease: { owner: 'process-1', token: 1 },
          sentWriteIds: [],
          keptForms: [],
          afterwards: 'release',
        },
      ];
      for (const completes of others) {
        expect(await store.apply(workOn(changes, { completes }))).toEqual({ kind: 'lease-lost' });
      }
      expect(await store.findMember('a')).toBeNull();
    });

    it('leaves the notification leased when it answers with needs', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a'));
      const [leased] = await store.leaseNotifications(lease());
      const work = workOn([callChange(call('1', 'x'))], { completes: handled(leased) });
      expect(await store.apply(work)).toMatchObject({ kind: 'needs' });
      expect((await store.backlog(NOW_MS)).notificationsWaiting).toBe(1);
      expect(
        await store.apply({ ...work, changes: [...work.changes, contactChange(contact('x'))] }),
      ).toMatchObject({
        kind: 'applied',
      });
      expect((await store.backlog(NOW_MS)).notificationsWaiting).toBe(0);
      expect(await store.apply({ ...work, changes: [] }), 'it can be completed once').toEqual({
        kind: 'lease-lost',
      });
    });

    it('rolls everything back when the rules fail', async () => {
      const store = storeOf();
      const failing = workOn([contactChange(contact('a'))], {
        decide: () => {
          throw new RangeError('a defect');
        },
      });
      await expect(store.apply(failing)).rejects.toThrow('a defect');
      expect(await store.findMember('a')).toBeNull();
      expect(await store.apply({ ...failing, decide: decideAt() })).toMatchObject({ kind: 'applied' });
    });

    it('leaves deciding for later where it is told to, and then decides member by member', async () => {
      const store = storeOf();
      const ids = ['a', 'b', 'c'];
      const changes = [...ids.map((id) => contactChange(contact(id))), callChange(call('1', 'b'))];
      changes.push(contactChange(contact('lead', { role: 'lead' })));
      const stored = workOn(changes, { recompute: 'later', unknownContacts: 'accept' });
      expect(await store.apply(stored)).toEqual({ kind: 'applied', members: 0, queued: [], waiting: [] });
      expect(await store.leaseWrites(lease())).toEqual([]);

      const request = {
        limit: 2,
        cause: { kind: 'backfill', ref: 'run_1' },
        nowMs: NOW_MS,
        decide: decideAt(),
      } as const;
      const first = await store.recomputeMembers({ ...request, afterContactId: null });
      expect(first).toEqual({ members: 2, lastContactId: 'b' });
      expect(await store.recomputeMembers({ ...request, afterContactId: first.lastContactId })).toEqual({
        members: 1,
        lastContactId: null,
      });
      expect(await store.leaseWrites(lease())).toMatchObject([{ contactId: 'b', priority: 'sweep' }]);
    });

    it('tells the rules from when on the cache knows every conversation', async () => {
      const store = storeOf();
      const seen: (number | null)[] = [];
      const decide: Work['decide'] = (facts) => {
        seen.push(facts.coverageFromAt);
        return decideAt()(facts);
      };
      await store.apply(workOn([contactChange(contact('a'))], { decide }));
      await store.setCoverage(NOW_AT - 365 * DAY);
      await store.apply(workOn([callChange(call('1', 'a'))], { decide }));
      expect(seen).toEqual([null, NOW_AT - 365 * DAY]);
    });
  });
}
