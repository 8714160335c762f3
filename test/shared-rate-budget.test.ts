import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createRateBudget,
  type CallPriority,
  type Permit,
  type RateBudget,
} from '../src/intercom/rate-budget.js';
import { createMovedClock, type MovedClock } from './support/moved-clock.js';
import { createSharedWindow } from './support/shared-window.js';

const START = '2026-10-15T15:00:03Z';

interface Window {
  readonly limit: number;
  readonly remaining: number;
  readonly resetInSeconds?: number;
}

function answer(clock: MovedClock, window: Window | null, status = 200, more: Record<string, string> = {}) {
  const headers = new Headers({ ...more, date: new Date(clock.nowMs()).toUTCString() });
  if (window !== null) {
    headers.set('x-ratelimit-limit', String(window.limit));
    headers.set('x-ratelimit-remaining', String(window.remaining));
    headers.set('x-ratelimit-reset', String(Math.floor(clock.nowMs() / 1000) + (window.resetInSeconds ?? 7)));
  }
  return { status, headers, receivedAtMs: clock.nowMs() };
}

/** Lets everything that has come in be looked at. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

function ask(budget: RateBudget, priority: CallPriority, count: number) {
  const granted: Permit[] = [];
  const refused: unknown[] = [];
  for (let number = 0; number < count; number += 1) {
    budget.acquire(priority).then(
      (permit) => granted.push(permit),
      (error: unknown) => refused.push(error),
    );
  }
  return { granted, refused };
}

/** Budgets of several processes on one store; each knows its window from an answer of its own. */
async function share(window: Window, processes = 2) {
  const clock = createMovedClock(START);
  const store = createSharedWindow(() => clock.nowMs(), processes);
  const budgets = Array.from({ length: processes }, () =>
    createRateBudget({ clock, shared: store, concurrency: 1000 }),
  );
  for (const budget of budgets) {
    const permit = await budget.acquire('soon');
    permit.settle(answer(clock, window));
    await turns();
  }
  const [one, other] = budgets;
  if (one === undefined || other === undefined) throw new Error('two processes are the least');
  return { clock, store, one, other, budgets };
}

describe('the rate budget of several processes', () => {
  it('lets two calls go in all until an answer tells how many may, and then as many as fit at once', async () => {
    const clock = createMovedClock(START);
    const store = createSharedWindow(() => clock.nowMs(), 2);
    const [one, other] = [
      createRateBudget({ clock, shared: store }),
      createRateBudget({ clock, shared: store }),
    ];
    const [mine, theirs] = [ask(one, 'soon', 4), ask(other, 'soon', 4)];
    await turns();
    expect(mine.granted.length + theirs.granted.length).toBe(2);
    mine.granted[0]?.settle(answer(clock, { limit: 100, remaining: 98 }));
    await turns();
    expect(mine.granted).toHaveLength(4);
    clock.advance(250);
    await turns();
    expect(theirs.granted, 'until it has an answer of its own').toHaveLength(2);
  });

  it('lets all processes together send what remains, and a tenth of it only for what events have caused', async () => {
    const { one, other } = await share({ limit: 100, remaining: 60 });
    const countOf = (asked: readonly { readonly granted: readonly Permit[] }[]): number =>
      asked.flatMap(({ granted }) => granted).length;
    const sweeps = [ask(one, 'sweep', 60), ask(other, 'sweep', 60)];
    await turns();
    expect(countOf(sweeps)).toBeLessThanOrEqual(50);
    const soon = [ask(one, 'soon', 60), ask(other, 'soon', 60)];
    await turns();
    expect(countOf(soon)).toBeGreaterThanOrEqual(10);
    expect(countOf(sweeps) + countOf(soon), 'all that remains, and no more').toBe(60);
  });

  it('asks the store for blocks of calls, and ahead of need', async () => {
    const { clock, store, one } = await share({ limit: 1666, remaining: 1600 });
    const before = store.asked();
    for (let call = 0; call < 200; call += 1) {
      const permit = await one.acquire('soon');
      permit.settle(answer(clock, { limit: 1666, remaining: 1500 }));
    }
    expect(store.asked() - before).toBeLessThanOrEqual(12);
    const { granted } = ask(one, 'soon', 3);
    await Promise.resolve();
    expect(granted, 'without waiting for the store').toHaveLength(3);
  });

  it('sends nothing while the store cannot be asked, and goes on when it can', async () => {
    const { clock, store, one } = await share({ limit: 1000, remaining: 900 });
    clock.advance(10_000);
    store.breakDown(true);
    const { granted, refused } = ask(one, 'soon', 3);
    await turns();
    expect(granted).toHaveLength(0);
    expect(refused).toMatchObject(
      Array.from({ length: 3 }, () => ({ code: 'store_unavailable', retry: 'later' })),
    );
    expect(one.snapshot()).toMatchObject({ waiting: 0, inFlight: 0 });
    store.breakDown(false);
    const { granted: again } = ask(one, 'soon', 3);
    await turns();
    expect(again).toHaveLength(3);
  });

  it('holds up all processes at a 429, and then asks once for all of them', async () => {
    const { clock, one, other, store } = await share({ limit: 1000, remaining: 900 });
    const permit = await one.acquire('soon');
    permit.settle(answer(clock, { limit: 1000, remaining: 0 }, 429, { 'retry-after': '9' }));
    await turns();
    // The other one hears of it when it tells what it has used, which its heartbeat does.
    (await other.acquire('soon')).settle(answer(clock, { limit: 1000, remaining: 800 }));
    await other.flush();
    expect(other.snapshot().pausedUntilMs).toBe(clock.nowMs() + 9000);
    const waiting = [ask(one, 'soon', 3), ask(other, 'soon', 3)];
    clock.advance(8999);
    await turns();
    expect(waiting.flatMap(({ granted }) => granted)).toHaveLength(0);
    clock.advance(251);
    await turns();
    const asking = waiting.flatMap(({ granted }) => granted);
    expect(asking).toHaveLength(1);
    asking[0]?.settle(answer(clock, { limit: 1000, remaining: 999, resetInSeconds: 9 }));
    await turns();
    clock.advance(250);
    await turns();
    expect(waiting.flatMap(({ granted }) => granted).length).toBeGreaterThan(1);
    expect(store.asked()).toBeLessThan(30);
  });

  it('never sends what was claimed when its window is over, even after a pause of the process', async () => {
    const { clock, one } = await share({ limit: 100, remaining: 90 });
    const held = await one.acquire('soon');
    expect(held.isExpired()).toBe(false);
    clock.advance(7000);
    expect(held.isExpired(), 'the next window reckons with it').toBe(false);
    clock.advance(3000);
    expect(held.isExpired()).toBe(true);
    held.giveBack();
    const asleep = await one.acquire('soon');
    clock.step(3_600_000);
    expect(asleep.isExpired(), 'the monotonic clock stood still').toBe(true);
    const stepped = await one.acquire('soon');
    clock.step(-3_600_000);
    expect(stepped.isExpired()).toBe(true);
  });

  it('gives back what it holds unused, so that the next window is whole', async () => {
    const { clock, one, other } = await share({ limit: 40, remaining: 38 });
    clock.advance(7000);
    await Promise.all([one.flush(), other.flush()]);
    const { granted } = ask(one, 'soon', 60);
    await turns();
    const { granted: more } = ask(other, 'soon', 60);
    await turns();
    expect(granted.length + more.length).toBe(40);
  });

  it('says what is left for all processes, and what is under way here', async () => {
    const { one, other } = await share({ limit: 100, remaining: 90 });
    expect(one.snapshot()).toMatchObject({ limit: 100, inFlight: 0, waiting: 0 });
    await one.acquire('soon');
    await one.flush();
    expect(one.snapshot()).toMatchObject({ inFlight: 1 });
    expect(other.snapshot().inFlight).toBe(0);
  });

  it('never sends more calls into a window of Intercom than fit, whatever the traffic of all processes', async () => {
    const traffic = fc.record({
      limit: fc.integer({ min: 10, max: 30 }),
      offsetMs: fc.integer({ min: 0, max: 9999 }),
      steps: fc.array(
        fc.record({
          process: fc.nat(2),
          calls: fc.integer({ min: 0, max: 15 }),
          priority: fc.constantFrom<CallPriority>('soon', 'sweep'),
          answerAfterMs: fc.integer({ min: 0, max: 1500 }),
          isLost: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
          isKilled: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
          passMs: fc.integer({ min: 1, max: 2500 }),
        }),
        { minLength: 5, maxLength: 40 },
      ),
    });
    await fc.assert(
      fc.asyncProperty(traffic, async ({ limit, offsetMs, steps }) => {
        const clock = createMovedClock(START);
        const store = createSharedWindow(() => clock.nowMs(), 1);
        const begin = (): RateBudget => createRateBudget({ clock, shared: store, concurrency: 1000 });
        const budgets = [begin(), begin(), begin()];
        const serverMs = (): number => clock.nowMs() + offsetMs;
        const used = new Map<number, number>();
        let answers: { readonly atMs: number; readonly give: () => void }[] = [];
        const send = (permit: Permit, answerAfterMs: number, isLost: boolean): void => {
          const window = Math.floor(serverMs() / 10_000);
          const count = (used.get(window) ?? 0) + 1;
          used.set(window, count);
          const headers = new Headers({
            'x-ratelimit-limit': String(limit),
            'x-ratelimit-remaining': String(Math.max(0, limit - count)),
            'x-ratelimit-reset': String((window + 1) * 10),
            date: new Date(serverMs()).toUTCString(),
          });
          const give = (): void =>
            permit.settle(isLost ? null : { status: 200, headers, receivedAtMs: clock.nowMs() });
          answers.push({ atMs: clock.nowMs() + answerAfterMs, give });
        };
        for (const { process, calls, priority, answerAfterMs, isLost, isKilled, passMs } of steps) {
          if (isKilled) budgets[process] = begin();
          for (let call = 0; call < calls; call += 1) {
            budgets[process]?.acquire(priority).then(
              (permit) => send(permit, answerAfterMs, isLost),
              () => undefined,
            );
          }
          for (let passed = 0; passed < passMs; passed += 250) {
            await turns();
            const due = answers.filter(({ atMs }) => atMs <= clock.nowMs());
            answers = answers.filter(({ atMs }) => atMs > clock.nowMs());
            for (const { give } of due) give();
            clock.advance(250);
          }
        }
        expect(Math.max(0, ...used.values())).toBeLessThanOrEqual(limit);
      }),
      { numRuns: 60 },
    );
  });
});
