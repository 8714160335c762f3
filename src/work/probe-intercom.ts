import type { Clock } from '../clock.js';
import type { Breaker } from '../intercom/breaker.js';
import type { IntercomClient } from '../intercom/client.js';
import type { Log } from '../log.js';
import { createWorkLoop, type WorkLoop } from './work-loop.js';

/** While Intercom does not answer, asks it now and then who it is: everything else waits for that. */
export function createProber(deps: {
  readonly intercom: Pick<IntercomClient, 'readWorkspace'>;
  readonly breaker: Breaker;
  readonly clock: Clock;
  readonly log: Log;
}): WorkLoop {
  const { intercom, breaker, clock, log } = deps;
  return createWorkLoop<'probe'>({
    loop: 'probe',
    clock,
    log,
    concurrency: 1,
    take: () => Promise.resolve(breaker.isProbeDue() ? ['probe'] : []),
    handle: async (_probe, { signal }) => {
      // The breaker sees what becomes of it.
      await intercom.readWorkspace({ priority: 'soon', signal }).catch(() => undefined);
    },
    nextDueAtMs: () => Promise.resolve(breaker.nextProbeAtMs()),
    onWork: breaker.onClear,
  });
}
