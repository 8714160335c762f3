import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Bench } from './bench.js';
import { contact, contactChange, handled, lease, NOW_MS, notification, workOn } from './samples.js';

/** The largest that a webhook may have. */
const MAX_BODY_BYTES = 5_000_000;

/** Bodies as large as webhooks may be. */
export function exerciseLargeBodies({ storeOf, openAnother }: Bench): void {
  describe('a body of 5 MB', () => {
    it('is stored byte for byte, several at a time, and read by another process', async () => {
      const store = storeOf();
      const other = await openAnother();
      const bodies = [1, 2, 3].map((seed) => largeBody(seed));
      const answers = await Promise.all(
        bodies.map((body, at) => store.storeNotification(notification(`large-${at}`, { body }))),
      );
      expect(answers).toEqual(['stored', 'stored', 'stored']);
      expect(await other.storeNotification(notification('large-0', { body: largeBody(1) }))).toBe(
        'duplicate',
      );
      const leased = await other.leaseNotifications(lease());
      expect(leased.map(({ body }) => hashOf(body))).toEqual(bodies.map((body) => hashOf(body)));
    });

    it('is erased one at a time, when it has been settled', async () => {
      const store = storeOf();
      for (const key of ['a', 'b']) await store.storeNotification(notification(key, { body: largeBody(0) }));
      for (const one of await store.leaseNotifications(lease())) {
        await store.apply(workOn([], { completes: handled(one) }));
      }
      expect(await store.eraseOldPayloads(NOW_MS + 1)).toBe(1);
      expect(await store.eraseOldPayloads(NOW_MS + 1)).toBe(1);
      expect(await store.eraseOldPayloads(NOW_MS + 1)).toBe(0);
    });
  });
}

/** What takes a second each. */
export function exerciseLargeErasures({ storeOf }: Bench): void {
  describe('a body of 5 MB, when somebody is erased', () => {
    it('is looked through to its last byte for those who were erased', async () => {
      const store = storeOf();
      await store.apply(workOn([contactChange(contact('gone')), contactChange(contact('other'))]));
      const named = largeBody(1, '"gone"}');
      const unnamed = largeBody(1, '"other"}');
      await store.storeNotification(notification('named', { body: named, lane: 'other' }));
      await store.storeNotification(notification('unnamed', { body: unnamed, lane: 'third' }));
      await store.apply(workOn([{ kind: 'contact-deleted', id: 'gone' }]));
      let erased = 0;
      for (let hasMore = true; hasMore;) {
        const piece = await store.scrubPayloads(NOW_MS);
        ({ hasMore } = piece);
        erased += piece.erased;
      }
      expect(erased).toBe(1);
      const bodies = new Map(
        (await store.leaseNotifications(lease())).map(({ dedupeKey, body }) => [dedupeKey, hashOf(body)]),
      );
      expect(bodies.get('named')).toBe(hashOf(null));
      expect(bodies.get('unnamed')).toBe(hashOf(unnamed));
    });

    it('of a contact that is erased goes with it, a piece at a time', async () => {
      const store = storeOf();
      await store.apply(workOn([contactChange(contact('gone'))]));
      const own = { lane: 'gone', subject: { kind: 'contact', id: 'gone' } } as const;
      for (const key of ['a', 'b', 'c']) {
        await store.storeNotification(notification(key, { ...own, body: largeBody(0) }));
      }
      await store.apply(workOn([{ kind: 'contact-deleted', id: 'gone' }]));
      let pieces = 0;
      for (let hasMore = true; hasMore; pieces += 1) ({ hasMore } = await store.finishErasures(NOW_MS));
      expect(pieces).toBeGreaterThan(1);
      expect(await store.leaseNotifications(lease())).toEqual([]);
      expect(await store.eraseOldPayloads(NOW_MS + 1), 'none is left').toBe(0);
    });
  });
}

/** Every byte there is, and `text` at the very end. */
function largeBody(seed: number, text = ''): Buffer {
  const body = Buffer.alloc(MAX_BODY_BYTES);
  for (let at = 0; at < 256; at += 1) body[at] = (at + seed) % 256;
  body.copyWithin(256, 0, MAX_BODY_BYTES - 256);
  for (let filled = 256; filled < MAX_BODY_BYTES; filled *= 2) body.copyWithin(filled, 0, filled);
  body.write(text, MAX_BODY_BYTES - text.length);
  return body;
}
function hashOf(bytes: Uint8Array | null | undefined): string {
  return createHash('sha256')
    .update(bytes ?? '')
    .digest('hex');
}
