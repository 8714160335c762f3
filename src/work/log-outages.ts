import type { Clock } from '../clock.js';
import type { OutageEvent } from '../intercom/breaker.js';
import type { Log } from '../log.js';
import type { Store } from '../store/ports/store.js';

/** One line when Intercom stops answering, one when it answers again, and at most one a minute between them. */
export function logOutages(deps: {
  readonly log: Log;
  readonly store: Pick<Store, 'backlog'>;
  readonly clock: Clock;
}): (event: OutageEvent) => void {
  const { log, store, clock } = deps;
  const sayEnd = async (event: Extract<OutageEvent, { kind: 'ended' }>): Promise<void> => {
    const { what, reason } = event.outage;
    const waited = await store.backlog(clock.nowMs()).then(
      ({ notificationsWaiting, writesWaiting }) => ({ notificationsWaiting, writesWaiting }),
      // The end is worth a line even where nobody can count.
      () => ({}),
    );
    log.info({ what, ms: event.ms, lastReason: reason, ...waited }, 'Intercom answers again');
  };
  return (event) => {
    switch (event.kind) {
      case 'began':
        log.warn(
          { ...fieldsOf(event), forMs: clock.nowMs() - event.outage.sinceMs },
          'Intercom does not answer',
        );
        return;
      case 'lasts':
        log.warn(
          { ...fieldsOf(event), forMs: clock.nowMs() - event.outage.sinceMs },
          'Intercom still does not answer',
        );
        return;
      case 'ended':
        void sayEnd(event);
        return;
      case 'unsteady':
        log.warn({ failed: event.failed, reason: event.reason }, 'some calls to Intercom fail');
    }
  };
}

function fieldsOf({ outage }: Extract<OutageEvent, { kind: 'began' | 'lasts' }>): object {
  return { what: outage.what, reason: outage.reason };
}
