import { Gauge, type Registry } from 'prom-client';
import type { MetricsSources } from './metrics-sources.js';

/** Told by the chores' loop. */
export interface ChoreCounts<Name extends string> {
  readonly succeeded: (name: Name, atMs: number) => void;
  readonly failed: (name: Name, failures: number) => void;
}

/** What `upkeep/housekeeping.ts` does; each has an alert of its own. */
export const CHORES = ['clock', 'erasures', 'scrub', 'payloads', 'inbox', 'runs', 'counts'] as const;
export type ChoreName = (typeof CHORES)[number];

/** When each chore last did what it is for. What never did was infinitely long ago, so that alerts see it. */
export function addChoreGauges(
  registers: Registry[],
  { clock }: Pick<MetricsSources, 'clock'>,
): { readonly counts: ChoreCounts<ChoreName>; readonly refresh: () => Promise<void> } {
  const age = new Gauge({
    name: 'engagement_chore_age_seconds',
    help: 'Since each chore last succeeded',
    labelNames: ['chore'],
    registers,
  });
  const failures = new Gauge({
    name: 'engagement_chore_failures',
    help: 'How many times in a row each chore has failed',
    labelNames: ['chore'],
    registers,
  });
  const succeededAtMs = new Map<ChoreName, number>();
  for (const chore of CHORES) failures.set({ chore }, 0);
  return {
    counts: {
      succeeded: (chore, atMs) => {
        succeededAtMs.set(chore, atMs);
        failures.set({ chore }, 0);
      },
      failed: (chore, count) => failures.set({ chore }, count),
    },
    refresh: async () => {
      for (const chore of CHORES) {
        const atMs = succeededAtMs.get(chore);
        age.set({ chore }, atMs === undefined ? Infinity : Math.max(0, clock.nowMs() - atMs) / 1000);
      }
    },
  };
}
