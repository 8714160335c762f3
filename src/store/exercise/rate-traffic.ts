import * as fc from 'fast-check';
import type { ReplicaStore, SettledCalls } from '../ports/replicas.js';

/*
 * Processes that share a rate limit, and an Intercom that counts. Calls are under way for a while in both directions,
 * some are never answered, processes end with what they have in hand, and their clocks differ.
 */

const OWNERS = ['a', 'b', 'c'] as const;
const WINDOW_MS = 10_000;

interface Step {
  readonly owner: number;
  readonly act: 'claim' | 'note' | 'die' | 'rest';
  readonly priority: 'soon' | 'sweep';
  /** How often in a row. */
  readonly claims: number;
  /** How many of those that were claimed are sent. */
  readonly sends: number;
  readonly arrivesAfterMs: number;
  /** Null: never. */
  readonly answersAfterMs: number | null;
  readonly passMs: number;
}

export interface Traffic {
  readonly limit: number;
  /** How far Intercom's clock is ahead of the engine's. */
  readonly aheadMs: number;
  readonly steps: readonly Step[];
}

export function trafficOf(options: { readonly maxLimit: number; readonly maxSteps: number }) {
  const step: fc.Arbitrary<Step> = fc.record({
    owner: fc.nat(OWNERS.length - 1),
    act: fc.constantFrom('claim', 'claim', 'claim', 'claim', 'note', 'rest', 'die'),
    priority: fc.constantFrom('soon', 'sweep'),
    claims: fc.integer({ min: 1, max: 8 }),
    sends: fc.nat(40),
    arrivesAfterMs: fc.nat(1500),
    answersAfterMs: fc.oneof(
      { weight: 4, arbitrary: fc.nat(1500) },
      { weight: 1, arbitrary: fc.constant(null) },
    ),
    passMs: fc.oneof(fc.nat(300), fc.nat(300), fc.nat(3000), fc.nat(12_000)),
  });
  return fc.record({
    limit: fc.integer({ min: 10, max: options.maxLimit }),
    aheadMs: fc.integer({ min: -500_000, max: 500_000 }),
    steps: fc.array(step, { minLength: 10, maxLength: options.maxSteps }),
  });
}

interface Block {
  readonly window: number;
  readonly pauses: number;
  readonly endsAtMs: number;
  left: number;
}

interface Told {
  readonly limit: number;
  readonly remaining: number;
  readonly reset: number;
  readonly endsAtMs: number;
}

interface Process {
  blocks: Block[];
  settled: Map<number, { told: number; untold: number; unsent: number; report: Told | null }>;
}

export interface Outcome {
  /** Calls that Intercom counted in each of its windows. */
  readonly counted: ReadonlyMap<number, number>;
  /** Calls that were given to sweeps, and all, in each window of the store. */
  readonly claimed: ReadonlyMap<number, { sweep: number; all: number }>;
}

/** Lets the traffic happen. `stores`: one for each process; `skewsMs`: how far their clocks are ahead of the engine's. */
export async function runTraffic(
  { limit, aheadMs, steps }: Traffic,
  stores: readonly Pick<ReplicaStore, 'claimCalls' | 'noteRate'>[],
  time: { readonly nowMs: () => number; readonly pass: (ms: number) => void },
  skewsMs: readonly number[] = [0, 0, 0],
): Promise<Outcome> {
  const counted = new Map<number, number>();
  const claimed = new Map<number, { sweep: number; all: number }>();
  const processes = OWNERS.map((): Process => ({ blocks: [], settled: new Map() }));
  let events: { readonly atMs: number; readonly happen: (atMs: number) => void }[] = [];

  const settledOf = (process: Process, window: number) => {
    const known = process.settled.get(window) ?? { told: 0, untold: 0, unsent: 0, report: null };
    process.settled.set(window, known);
    return known;
  };

  const send = (index: number, window: number, step: Step): void => {
    const arrive = (atMs: number): void => {
      const number = Math.floor((atMs + aheadMs) / WINDOW_MS);
      const count = (counted.get(number) ?? 0) + 1;
      counted.set(number, count);
      if (step.answersAfterMs === null) return;
      const reset = (number + 1) * (WINDOW_MS / 1000);
      const dateMs = Math.floor((atMs + aheadMs) / 1000) * 1000;
      const answer = (receivedAtMs: number): void => {
        const process = processes[index];
        if (process === undefined) return;
        const known = settledOf(process, window);
        known.told += 1;
        const told = {
          limit,
          remaining: Math.max(0, limit - count),
          reset,
          endsAtMs: receivedAtMs + reset * 1000 - dateMs,
        };
        if (known.report === null || told.reset > known.report.reset) known.report = told;
        else if (told.reset === known.report.reset) {
          const { remaining, endsAtMs } = known.report;
          known.report = {
            ...told,
            remaining: Math.min(remaining, told.remaining),
            endsAtMs: Math.min(endsAtMs, told.endsAtMs),
          };
        }
      };
      events.push({ atMs: atMs + step.answersAfterMs, happen: answer });
    };
    events.push({ atMs: time.nowMs() + step.arrivesAfterMs, happen: arrive });
    const process = processes[index];
    if (step.answersAfterMs !== null || process === undefined) return;
    events.push({
      atMs: time.nowMs() + 2 * step.arrivesAfterMs,
      happen: () => void (settledOf(process, window).untold += 1),
    });
  };

  const takeSettled = (process: Process): SettledCalls[] => {
    const nowMs = time.nowMs();
    const all = [...process.settled].toSorted(([one], [other]) => one - other).slice(-4);
    process.settled = new Map();
    return all.map(([window, { report, ...counts }]) => ({
      window,
      pauses: 0,
      ...counts,
      hasPassed: true,
      pauseMs: null,
      report:
        report === null
          ? null
          : {
              limit: report.limit,
              remaining: report.remaining,
              reset: report.reset,
              endsInMs: report.endsAtMs - nowMs,
            },
    }));
  };

  const sendSome = (index: number, process: Process, step: Step): void => {
    let toSend = step.sends;
    for (const block of process.blocks) {
      if (block.endsAtMs <= time.nowMs()) {
        settledOf(process, block.window).unsent += block.left;
        block.left = 0;
      }
      for (; block.left > 0 && toSend > 0; toSend -= 1) {
        block.left -= 1;
        send(index, block.window, step);
      }
    }
    process.blocks = process.blocks.filter(({ left }) => left > 0);
  };

  for (const step of steps) {
    const index = step.owner;
    const [process, store] = [processes[index], stores[index]];
    if (process === undefined || store === undefined) continue;
    const callerMs = time.nowMs() + (skewsMs[index] ?? 0);
    if (step.act === 'die') processes[index] = { blocks: [], settled: new Map() };
    if (step.act === 'note') await store.noteRate({ nowMs: callerMs, settled: takeSettled(process) });
    for (let turn = 0; step.act === 'claim' && turn < step.claims; turn += 1) {
      const { priority } = step;
      const request = { nowMs: callerMs, priority, wanted: 20, settled: takeSettled(process) };
      const answer = await store.claimCalls(request);
      const { window, pauses, granted, endsInMs } = answer;
      if (granted > 0) {
        process.blocks.push({ window, pauses, left: granted, endsAtMs: time.nowMs() + endsInMs });
      }
      const known = claimed.get(window) ?? { sweep: 0, all: 0 };
      known.all += granted;
      if (priority === 'sweep') known.sweep += granted;
      claimed.set(window, known);
    }
    if (step.act !== 'die') sendSome(index, process, step);
    const untilMs = time.nowMs() + step.passMs;
    // What happens leads to more that happens: each at its own time.
    for (;;) {
      const next = events.toSorted((one, other) => one.atMs - other.atMs)[0];
      if (next === undefined || next.atMs > untilMs) break;
      events = events.filter((event) => event !== next);
      time.pass(Math.max(0, next.atMs - time.nowMs()));
      next.happen(time.nowMs());
    }
    time.pass(Math.max(0, untilMs - time.nowMs()));
  }
  return { counted, claimed };
}
