import { describe, expect, it } from 'vitest';
import type { Piece } from '../ports/upkeep.js';
import type { Bench } from './bench.js';
import { call, callChange, contact, contactChange, lease, NOW_MS, notification, workOn } from './samples.js';

/** Of one piece of work, each of which holds up whoever comes in meanwhile. */
const MAX_PIECE = 1000;

/** A coaching company leaves: very many contacts are deleted within an hour. */
export function exerciseManyErasures({ storeOf, openReports }: Bench, many = 300): void {
  /** Does a piece of work until there is none, and finds that each piece was a small one. */
  const finish = async (takePiece: () => Promise<Piece>): Promise<number> => {
    let erased = 0;
    for (let pieces = 1; ; pieces += 1) {
      const piece = await takePiece();
      erased += piece.erased;
      expect(piece.erased).toBeLessThanOrEqual(MAX_PIECE);
      if (!piece.hasMore) return erased;
      expect(pieces, 'it comes to an end').toBeLessThan(many * 4);
    }
  };

  describe(`${many} contacts that are deleted`, () => {
    it('are gone with all that is theirs, a bounded piece at a time, and nobody else is touched', async () => {
      const store = storeOf();
      const reports = await openReports();
      const ids = Array.from({ length: many }, (_, number) => `gone-${number}`);
      for (let from = 0; from < many; from += 150) {
        const some = ids.slice(from, from + 150);
        const changes = some.flatMap((id) => [contactChange(contact(id)), callChange(call(`c-${id}`, id))]);
        await store.apply(workOn(changes));
      }
      await store.apply(workOn([contactChange(contact('stays')), callChange(call('c-stays', 'stays'))]));
      // What one of them has, payloads of others that name one of them, and some that name nobody.
      const own = { lane: 'gone-1', subject: { kind: 'contact', id: 'gone-1' } } as const;
      const bodies = [
        ...Array.from({ length: 130 }, (_, at) => notification(`own-${at}`, own)),
        ...[7, 70, many - 1].map((number) =>
          notification(`names-${number}`, { body: Buffer.from(`{"contacts":["stays","gone-${number}"]}`) }),
        ),
        notification('stays', { body: Buffer.from('{"contacts":["stays"]}') }),
      ];
      await Promise.all(bodies.map((one) => store.storeNotification(one)));

      for (let from = 0; from < many; from += 150) {
        const some = ids.slice(from, from + 150);
        await store.apply(workOn(some.map((id) => ({ kind: 'contact-deleted', id }) as const)));
      }
      expect((await store.backlog(NOW_MS)).erasureAgeMs).toBe(0);
      await finish(() => store.finishErasures(NOW_MS));
      expect(await finish(() => store.scrubPayloads(NOW_MS))).toBe(3);
      expect(await store.backlog(NOW_MS)).toMatchObject({ members: 1, conversations: 1, erasureAgeMs: null });

      for (const id of ['gone-0', 'gone-149', `gone-${many - 1}`]) {
        expect(await store.findMember(id)).toBeNull();
        const late = [contactChange(contact(id)), callChange(call(`late-${id}`, id))];
        expect(await store.apply(workOn(late)), 'only a read brings one back').toMatchObject({
          kind: 'needs',
        });
        await store.apply(workOn(late.slice(1)));
      }
      const left = await store.leaseNotifications(lease({ limit: 500 }));
      const withBody = left.filter(({ body }) => body !== null).map(({ dedupeKey }) => dedupeKey);
      expect(withBody).toEqual(['stays']);
      const writes = await store.leaseWrites(lease({ limit: many }));
      expect(writes.map(({ contactId }) => contactId)).toEqual(['stays']);
      const filter = { fromAt: 0, coaches: [], employers: [], channels: [] };
      expect(await reports.caseload.count(filter)).toBe(1);
      expect(await store.countCached(0)).toEqual({ members: 1, conversations: 1 });
    });
  });
}

export function exerciseVeryManyErasures(bench: Bench): void {
  exerciseManyErasures(bench, 1500);
}
