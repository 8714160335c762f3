import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createRateBudget,
  type CallPriority,
  type Permit,
  type RateBudget,
} from '../src/intercom/rate-budget.js';
import { createMovedClock, type MovedClock } from './support/moved-clock.js';

const START = '2026-10-15T15:00:03Z';

interface Window {
  readonly limit: number;
  readonly remaining: number;
  /** Seconds from now to the end of the window. */
  readonly resetInSeconds?: number;
  /** How far Intercom's clock is ahead of ours. */
  readonly aheadSeconds?: number;
}

/** An answer with Intercom's headers, by a clock of its own. */
function answer(clock: MovedClock, window: Window | null, status = 200, more: Record<string, string> = {}) {
  const headers = new Headers(more);
  if (window !== null) {
    const { limit, remaining, resetInSeconds = 7, aheadSeconds = 0 } = window;
    const serverMs = clock.nowMs() + aheadSeconds * 1000;
    headers.set('x-ratelimit-limit', String(limit));
    headers.set('x-ratelimit-remaining', String(remaining));
    headers.set('x-ratelimit-reset', String(Math.floor(serverMs / 1000) + resetInSeconds));
    headers.set('date', new Date(serverMs).toUTCString());
  }
  return { status, headers, receivedAtMs: clock.nowMs() };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Asks `count` times; `granted` fills as permits are given. */
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

/** A budget that knows its window. */
async function learned(window: Window, clock = createMovedClock(START)) {
  const budget = createRateBudget({ clock, concurrency: 1000 });
  (await budget.acquire('soon')).settle(answer(clock, window));
  return { budget, clock };
}

describe('the rate budget', () => {
  it('lets two calls go until the first answer tells how many may', async () => {
    const clock = createMovedClock(START);
    const budget = createRateBudget({ clock });
    const { granted } = ask(budget, 'soon', 10);
    await turn();
    expect(granted).toHaveLength(2);
    granted[0]?.settle(answer(clock, { limit: 1666, remaining: 1600 }));
    await turn();
    expect(granted).toHaveLength(10);
  });

  it('lets no more calls go than remain, those under way counted, and goes on in the next window', async () => {
    const { budget, clock } = await learned({ limit: 100, remaining: 5 });
    const { granted } = ask(budget, 'soon', 9);
    await turn();
    expect(granted).toHaveLength(5);
    expect(budget.snapshot()).toMatchObject({ limit: 100, remaining: 5, inFlight: 5, waiting: 4 });
    clock.advance(6000);
    await turn();
    expect(granted).toHaveLength(5);
    clock.advance(2000);
    await turn();
    expect(granted).toHaveLength(9);
  });

  it('keeps a tenth of the window for event-driven calls, which also go first', async () => {
    const { budget } = await learned({ limit: 100, remaining: 15 });
    const sweep = ask(budget, 'sweep', 30);
    await turn();
    expect(sweep.granted).toHaveLength(5);
    const soon = ask(budget, 'soon', 30);
    await turn();
    expect(soon.granted).toHaveLength(10);
    expect(sweep.granted).toHaveLength(5);
  });

  it.each([-3600, -30, 0, 30, 3600])(
    'measures the window by the clock of Intercom, %i seconds from ours',
    async (aheadSeconds) => {
      const { budget, clock } = await learned({ limit: 10, remaining: 0, resetInSeconds: 4, aheadSeconds });
      const { granted } = ask(budget, 'soon', 1);
      clock.advance(3000);
      await turn();
      expect(granted).toHaveLength(0);
      clock.advance(2000);
      await turn();
      expect(granted).toHaveLength(1);
    },
  );

  it.each([1, 3600, 400 * 86_400])(
    'is not held up when the clock goes back by %i seconds',
    async (seconds) => {
      const { budget, clock } = await learned({ limit: 10, remaining: 0, resetInSeconds: 4 });
      const before = ask(budget, 'soon', 1);
      clock.advance(-seconds * 1000);
      const after = ask(budget, 'soon', 1);
      clock.advance(5000);
      await turn();
      expect([before.granted.length, after.granted.length]).toEqual([1, 1]);
      const permit = await budget.acquire('soon');
      permit.settle(answer(clock, null, 429, { 'retry-after': '9' }));
      clock.advance(-seconds * 1000);
      expect((budget.snapshot().pausedUntilMs ?? 0) - clock.nowMs()).toBe(9000);
    },
  );

  it('forgets calls without an answer after the window that follows theirs, however the windows change', async () => {
    const { budget, clock } = await learned({ limit: 100, remaining: 100 });
    for (let window = 1; window <= 20; window += 1) {
      for (let lost = 0; lost < 10; lost += 1) (await budget.acquire('soon')).settle(null);
      clock.advance(4000);
      // The first answer of a new window comes before the old one is over on our clock.
      const permit = await budget.acquire('soon');
      permit.settle(answer(clock, { limit: 100, remaining: 90, resetInSeconds: 14 }));
      expect(budget.snapshot().remaining ?? 0).toBeGreaterThanOrEqual(70);
      clock.advance(6000);
    }
  });

  it('stops everybody at a 429, for as long as Retry-After says, and then asks once before all go again', async () => {
    const { budget, clock } = await learned({ limit: 100, remaining: 50 });
    const permit = await budget.acquire('soon');
    permit.settle(answer(clock, { limit: 100, remaining: 50 }, 429, { 'retry-after': '9' }));
    expect(budget.snapshot().pausedUntilMs).toBe(clock.nowMs() + 9000);
    const { granted } = ask(budget, 'soon', 3);
    clock.advance(8999);
    await turn();
    expect(granted).toHaveLength(0);
    clock.advance(1);
    await turn();
    expect(granted).toHaveLength(1);
    granted[0]?.settle(null);
    await turn();
    expect(granted, 'no answer tells nothing').toHaveLength(2);
    granted[1]?.settle(answer(clock, { limit: 100, remaining: 50 }));
    await turn();
    expect(granted).toHaveLength(3);
    const { granted: more } = ask(budget, 'soon', 3);
    await turn();
    expect(more).toHaveLength(3);
  });

  it.each([
    ['1000000000', 60_000],
    ['99999999999999999999', 1000],
    ['120', 60_000],
    ['1.5', 1500],
    ['0', 1000],
    ['-5', 1000],
    ['soon', 1000],
    ['12 minutes', 1000],
    ['2100', 60_000],
    ['Fri, 01 Jan 2100 00:00:00 GMT', 60_000],
    ['Thu, 15 Oct 2026 15:00:12 GMT', 9000],
    ['Thu, 15 Oct 2020 15:00:12 GMT', 1000],
    ['2100-01-01', 1000],
    ['', 1000],
  ])('never waits longer than a minute: Retry-After %j', async (text, pauseMs) => {
    const clock = createMovedClock(START);
    const budget = createRateBudget({ clock });
    const permit = await budget.acquire('soon');
    permit.settle(answer(clock, null, 429, { 'retry-after': text }));
    expect((budget.snapshot().pausedUntilMs ?? 0) - clock.nowMs()).toBe(pauseMs);
  });

  it.each([
    ['4102444800', 'in 2100'],
    ['1', 'in 1970'],
    ['-5', 'negative'],
    ['999999999999999', 'absurd'],
    ['1792076410.5', 'a fraction'],
    ['1792076410000', 'milliseconds'],
  ])('a reset of %s (%s) holds nobody up for longer than a window', async (reset) => {
    const clock = createMovedClock(START);
    const budget = createRateBudget({ clock, concurrency: 1000 });
    const headers = { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset };
    const date = new Date(clock.nowMs()).toUTCString();
    (await budget.acquire('soon')).settle(answer(clock, null, 200, { ...headers, date }));
    const { granted } = ask(budget, 'soon', 3);
    await turn();
    expect(granted, 'the count is believed').toHaveLength(0);
    clock.advance(10_000);
    await turn();
    expect(granted).toHaveLength(3);
    // And so are right headers afterwards.
    for (const permit of granted) permit.settle(answer(clock, { limit: 10, remaining: 2 }));
    expect(budget.snapshot()).toMatchObject({ limit: 10, remaining: 2 });
  });

  it.each([
    [
      { limit: '0', remaining: '0' },
      { limit: null, remaining: null },
    ],
    [
      { limit: '-3', remaining: '5' },
      { limit: null, remaining: null },
    ],
    [
      { limit: 'many', remaining: '5' },
      { limit: null, remaining: null },
    ],
    [
      { limit: '100', remaining: '-7' },
      { limit: 100, remaining: 0 },
    ],
    [
      { limit: '100', remaining: '5000000' },
      { limit: 100, remaining: 100 },
    ],
    [
      { limit: '999999999999999', remaining: '999999999999999' },
      { limit: 1_000_000, remaining: 1_000_000 },
    ],
    [
      { limit: '100.0', remaining: '5.9' },
      { limit: 100, remaining: 5 },
    ],
  ])('reads the counts %j as %j', async ({ limit, remaining }, expected) => {
    const clock = createMovedClock(START);
    const budget = createRateBudget({ clock });
    const date = new Date(clock.nowMs()).toUTCString();
    const reset = String(Math.floor(clock.nowMs() / 1000) + 7);
    const headers = {
      'x-ratelimit-limit': limit,
      'x-ratelimit-remaining': remaining,
      'x-ratelimit-reset': reset,
    };
    (await budget.acquire('soon')).settle(answer(clock, null, 200, { ...headers, date }));
    expect(budget.snapshot()).toMatchObject(expected);
  });

  it('waits longer after each 429 in a row that says nothing, and forgets that at the first success', async () => {
    const clock = createMovedClock(START);
    const budget = createRateBudget({ clock });
    const pauses: number[] = [];
    for (let number = 0; number < 4; number += 1) {
      (await budget.acquire('soon')).settle(answer(clock, null, 429));
      const pauseMs = (budget.snapshot().pausedUntilMs ?? 0) - clock.nowMs();
      pauses.push(pauseMs);
      clock.advance(pauseMs);
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000]);
    (await budget.acquire('soon')).settle(answer(clock, { limit: 100, remaining: 99 }));
    (await budget.acquire('soon')).settle(answer(clock, null, 429));
    expect((budget.snapshot().pausedUntilMs ?? 0) - clock.nowMs()).toBeLessThanOrEqual(7000);
  });

  it('counts a call without an answer as used', async () => {
    const { budget } = await learned({ limit: 100, remaining: 3 });
    for (let number = 0; number < 3; number += 1) (await budget.acquire('soon')).settle(null);
    expect(budget.snapshot().remaining).toBe(0);
    const { granted } = ask(budget, 'soon', 1);
    await turn();
    expect(granted).toHaveLength(0);
  });

  it('believes the lowest count, because others use the same quota and answers overtake each other', async () => {
    const { budget, clock } = await learned({ limit: 100, remaining: 50 });
    const [first, second] = [await budget.acquire('soon'), await budget.acquire('soon')];
    second.settle(answer(clock, { limit: 100, remaining: 10 }));
    first.settle(answer(clock, { limit: 100, remaining: 49 }));
    expect(budget.snapshot().remaining).toBe(10);
  });

  it('refuses after 20 seconds without room, so that leases are not outlived', async () => {
    const clock = createMovedClock(START);
    const budget = createRateBudget({ clock });
    await budget.acquire('soon');
    await budget.acquire('soon');
    const { refused } = ask(budget, 'soon', 1);
    clock.advance(19_999);
    await turn();
    expect(refused).toEqual([]);
    clock.advance(1);
    await turn();
    expect(refused).toMatchObject([{ code: 'intercom_rate_limited', retry: 'later' }]);
    expect(budget.snapshot().waiting).toBe(0);
  });

  it('lets go of a waiting call that is stopped, before or after it began to wait', async () => {
    const { budget } = await learned({ limit: 100, remaining: 0 });
    const stopping = new AbortController();
    const waiting = budget.acquire('soon', stopping.signal);
    stopping.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'stopped' });
    await expect(budget.acquire('soon', stopping.signal)).rejects.toMatchObject({ code: 'stopped' });
    expect(budget.snapshot().waiting).toBe(0);
  });

  it('never sends more calls into a window of Intercom than fit, whatever the traffic', async () => {
    const traffic = fc.record({
      limit: fc.integer({ min: 3, max: 30 }),
      aheadSeconds: fc.integer({ min: -500, max: 500 }),
      offsetMs: fc.integer({ min: 0, max: 9999 }),
      steps: fc.array(
        fc.record({
          calls: fc.integer({ min: 0, max: 12 }),
          priority: fc.constantFrom<CallPriority>('soon', 'sweep'),
          answerAfterMs: fc.integer({ min: 0, max: 900 }),
          passMs: fc.integer({ min: 1, max: 2500 }),
        }),
        { minLength: 5, maxLength: 40 },
      ),
    });
    await fc.assert(
      fc.asyncProperty(traffic, async ({ limit, aheadSeconds, offsetMs, steps }) => {
        const clock = createMovedClock(START);
        const budget = createRateBudget({ clock, concurrency: 1000 });
        const serverMs = (): number => clock.nowMs() + aheadSeconds * 1000 + offsetMs;
        const used = new Map<number, number>();
        const answers: { readonly atMs: number; readonly give: () => void }[] = [];
        const send = (permit: Permit, answerAfterMs: number): void => {
          const window = Math.floor(serverMs() / 10_000);
          const count = (used.get(window) ?? 0) + 1;
          used.set(window, count);
          const headers = new Headers({
            'x-ratelimit-limit': String(limit),
            'x-ratelimit-remaining': String(Math.max(0, limit - count)),
            'x-ratelimit-reset': String((window + 1) * 10),
            date: new Date(serverMs()).toUTCString(),
          });
          const give = (): void => permit.settle({ status: 200, headers, receivedAtMs: clock.nowMs() });
          answers.push({ atMs: clock.nowMs() + answerAfterMs, give });
        };
        for (const { calls, priority, answerAfterMs, passMs } of steps) {
          for (let call = 0; call < calls; call += 1) {
            budget.acquire(priority).then(
              (permit) => send(permit, answerAfterMs),
              () => undefined,
            );
          }
          for (let passed = 0; passed < passMs; passed += 100) {
            await turn();
            for (const one of answers.splice(0)) {
              if (one.atMs <= clock.nowMs()) one.give();
              else answers.push(one);
            }
            clock.advance(100);
          }
        }
        expect(Math.max(0, ...used.values())).toBeLessThanOrEqual(limit);
      }),
      { numRuns: 60 },
    );
  });
});
