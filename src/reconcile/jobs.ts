import { reasonOf } from '../work/backoff.js';
import type { Jobs } from '../work/jobs.js';
import type { HeldRun, Run } from '../store/ports/runs.js';
import { carryRun, openJob } from './run-job.js';
import type { RunDeps } from './run-frame.js';

/** Jobs as they are asked for over HTTP; `signal` stops them with the service. */
export function createJobs(deps: RunDeps, signal: AbortSignal): Jobs & { settled(): Promise<void> } {
  const underWay = new Set<Promise<unknown>>();
  const carry = (run: HeldRun): Promise<Run> => {
    const ended = carryRun(deps, run, signal);
    const settled = ended
      .catch((error: unknown) => deps.log.warn({ run: run.id, reason: reasonOf(error) }, 'a job did not end'))
      .finally(() => underWay.delete(settled));
    underWay.add(settled);
    return ended;
  };
  return {
    start: async ({ job, ...params }) => {
      const { kind, run } = await openJob(deps, { job, params });
      if (kind === 'busy') return { kind: 'busy', run };
      const ended = carry(run);
      if (kind === 'opened') return { kind: 'started', run, ended };
      // What a process that is gone has left is finished first; whoever asked tries again.
      ended.catch(() => undefined);
      return { kind: 'busy', run };
    },
    settled: async () => {
      await Promise.all(underWay);
    },
  };
}
