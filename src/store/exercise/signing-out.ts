import { describe, expect, it } from 'vitest';
import type { Bench } from './bench.js';
import { NOW_AT } from './samples.js';

/** Sessions that people have ended. */
export function exerciseSigningOut({ storeOf }: Bench): void {
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
}
