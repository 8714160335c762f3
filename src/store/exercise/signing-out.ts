import { describe, expect, it } from 'vitest';
import type { Bench } from './bench.js';
import { NOW_AT, NOW_MS } from './samples.js';

/** Sessions that people have ended, what forms are signed with, and who sends wrong tokens. */
export function exerciseSigningOut({ engine, storeOf, openAnother, race }: Bench): void {
  const HOUR = 3600;
  const session = (id: string, hours: number) => ({ id, expiresAt: NOW_AT + hours * HOUR });

  describe('sessions that were signed out', () => {
    it('stay so, and no others do', async () => {
      const store = storeOf();
      const [mine, other] = [session('mine', 12), session('other', 12)];
      expect(await store.isLoginEnded(mine)).toBe(false);
      await store.endLogin({ ...mine, nowAt: NOW_AT });
      await store.endLogin({ ...mine, nowAt: NOW_AT });
      expect(await store.isLoginEnded(mine)).toBe(true);
      expect(await store.isLoginEnded(other)).toBe(false);
    });

    it('are no session again when they were cleared away and the clock goes back', async () => {
      const store = storeOf();
      await store.endLogin({ ...session('early', 2), nowAt: NOW_AT });
      await store.endLogin({ ...session('later', 9), nowAt: NOW_AT + 3 * HOUR });
      expect(await store.isLoginEnded(session('early', 2))).toBe(true);
      expect(await store.isLoginEnded(session('later', 9))).toBe(true);
      expect(await store.isLoginEnded(session('open', 3))).toBe(false);
    });
  });

  describe('the key that forms are signed with', () => {
    it('is made once, for all processes and for good', async () => {
      const key = await storeOf().readFormKey();
      expect(key).toMatch(/^[\w-]{43}$/);
      expect(await storeOf().readFormKey()).toBe(key);
      expect(await (await openAnother()).readFormKey()).toBe(key);
    });

    it('is the same for two that look for it first at the same moment', async () => {
      const places = [];
      for (let round = 0; round < 5; round += 1) places.push(await engine.createPlace({ isNew: false }));
      const answers = await race({
        task: 'readFormKey',
        rounds: places.length,
        places: places.map(({ place }) => place),
      });
      for (const [one, other] of answers) expect(other).toBe(one);
      expect(new Set(answers.map(([one]) => one)).size).toBe(places.length);
      for (const { remove } of places) await remove();
    });
  });

  describe('wrong tokens', () => {
    const wrong = (client: string, nowMs = NOW_MS) => ({ client, nowMs, windowMs: 300_000 });

    it('are counted for each client, over all processes', async () => {
      const [one, other] = [storeOf(), await openAnother()];
      expect(await one.countWrongToken(wrong('a'))).toEqual({ failures: 1, endsInMs: 300_000 });
      expect(await other.countWrongToken(wrong('a'))).toEqual({ failures: 2, endsInMs: 300_000 });
      expect(await one.countWrongToken(wrong('b'))).toMatchObject({ failures: 1 });
      expect(await one.forgetWrongTokens(NOW_MS)).toBe(0);
    });

    it.skipIf(engine.can.ownTime)('are forgotten with their window [no ownTime]', async () => {
      const store = storeOf();
      await store.countWrongToken(wrong('a'));
      expect(await store.countWrongToken(wrong('a', NOW_MS + 299_999))).toEqual({ failures: 2, endsInMs: 1 });
      expect(await store.countWrongToken(wrong('a', NOW_MS + 300_000))).toMatchObject({ failures: 1 });
      expect(await store.countWrongToken(wrong('a', NOW_MS)), 'the clock has gone back').toMatchObject({
        failures: 1,
      });
      await store.countWrongToken(wrong('b', NOW_MS + 60_000));
      expect(await store.forgetWrongTokens(NOW_MS + 300_000)).toBe(1);
      expect(await store.countWrongToken(wrong('b', NOW_MS + 300_000))).toMatchObject({ failures: 2 });
    });
  });
}
