import { AppError } from '../../src/errors.js';
import { claimCalls, describeRate, firstWindow, noteSettled } from '../../src/store/plan/rate-window.js';
import type { ReplicaStore } from '../../src/store/ports/replicas.js';

/** The shared rate window with nothing under it, and how often it was asked. */
export interface SharedWindow extends Pick<ReplicaStore, 'claimCalls' | 'noteRate'> {
  readonly asked: () => number;
  /** What it answers from now on: an error of the store's, or nothing for a while. */
  readonly breakDown: (isBroken: boolean) => void;
}

/** @param nowMs the engine's clock @param processes how many are at work */
export function createSharedWindow(nowMs: () => number, processes = 1): SharedWindow {
  let state = firstWindow(nowMs());
  let asked = 0;
  let isBroken = false;
  const assertThere = (): void => {
    asked += 1;
    if (isBroken) throw new AppError('store_unavailable', 'later', 'the database is not there');
  };
  return {
    claimCalls: async (request) => {
      assertThere();
      const answer = claimCalls(state, nowMs(), request, processes);
      state = answer.state;
      return answer.claimed;
    },
    noteRate: async ({ settled }) => {
      assertThere();
      state = noteSettled(state, nowMs(), settled);
      return describeRate(state, nowMs());
    },
    asked: () => asked,
    breakDown: (broken) => {
      isBroken = broken;
    },
  };
}
