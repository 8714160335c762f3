import { CALL_TIMEOUT_MS, type CallOptions } from '../intercom/send-call.js';
import { WRITE_CALLS } from '../intercom/call-health.js';
import { eventId } from '../log.js';
import type { LeasedWrite, WaitingChange } from '../store/ports/outbox.js';
import { decideAt } from '../work/apply-work.js';
import {
  COUNTED_AS,
  describeVerdict,
  judgeFailure,
  reasonOf,
  wasTried,
  type Verdict,
} from '../work/backoff.js';
import { LEASE_MS, type Hand } from '../work/lease-keeper.js';
import { createWorkLoop, type WorkLoop } from '../work/work-loop.js';
import type { Attempt, SendDeps, WriteBackDeps } from './attempt.js';
import { createRefusedChanges } from './refused-changes.js';
import { confirmChanges, mustReadFirst, NOT_NEEDED, sendChanges } from './send-changes.js';

const CONCURRENCY = 32;

/** Sends waiting attribute changes to Intercom: one `PUT` per contact with only what differs. */
export function createWriter(options: WriteBackDeps): WorkLoop {
  const deps = { ...options, refusedLately: createRefusedChanges(options.clock) };
  const { store, breaker, clock } = deps;
  return createWorkLoop<LeasedWrite>({
    loop: 'write-back',
    clock,
    log: deps.log,
    concurrency: CONCURRENCY,
    take: async (free) => {
      const limit = deps.dryRun ? free : breaker.room(free, WRITE_CALLS);
      if (limit === 0) return [];
      return store.leaseWrites({ owner: deps.owner, nowMs: clock.nowMs(), leaseMs: LEASE_MS, limit });
    },
    lease: {
      untilMs: ({ leaseUntilMs }) => leaseUntilMs,
      renew: async (writes, leaseUntilMs) => {
        const lost = new Set(await store.renewWrites(writes, leaseUntilMs));
        return writes.filter(({ contactId }) => lost.has(contactId));
      },
    },
    handle: (write, hand) => (deps.dryRun ? holdWrite(deps, write) : sendWrite(deps, write, hand)),
    nextDueAtMs: () => store.nextWriteDueAtMs(),
    onWork: (listener) => {
      const stops = [store.onWork('writes', listener), breaker.onClear(listener)];
      return () => stops.forEach((stop) => stop());
    },
  });
}

async function holdWrite(deps: WriteBackDeps, write: LeasedWrite): Promise<void> {
  const { contactId, lease, attempt, cause, changes } = write;
  const settlement = await deps.store.holdWrite({ contactId, lease });
  const result = settlement === 'settled' ? 'held' : 'lease_lost';
  deps.metrics.writes.inc({ result });
  const would = attributesOf(changes);
  deps.log.info(
    { contact: contactId, attempt, cause: cause.kind, event: eventId(cause.ref), result, would },
    'write handled',
  );
}

async function sendWrite(deps: SendDeps, write: LeasedWrite, hand: Hand): Promise<void> {
  const { clock, log, metrics } = deps;
  const { contactId } = write;
  const startedAtMs = clock.nowMs();
  const fields = {
    contact: contactId,
    attempt: write.attempt,
    cause: write.cause.kind,
    event: eventId(write.cause.ref),
    waitedMs: startedAtMs - write.queuedAtMs,
  };
  const call: CallOptions = { priority: write.priority, signal: hand.signal };
  const attempt: Attempt = { write, hand, call, mayHaveWritten: false };
  try {
    const changes = mustReadFirst(write) ? await confirmChanges(deps, attempt) : write.changes;
    const { result, sent, refused } =
      changes.length === 0 ? NOT_NEEDED : await sendChanges(deps, attempt, changes);
    metrics.writes.inc({ result });
    if (refused.length > 0 && result !== 'parked') metrics.writes.inc({ result: 'parked' });
    if (result === 'sent') {
      const writtenAtMs = clock.nowMs();
      const latencyMs = writtenAtMs - write.queuedAtMs;
      metrics.writeLatency.observe(latencyMs / 1000);
      deps.onWritten?.({ contactId, changes: sent, cause: write.cause, writtenAtMs, latencyMs });
    }
    const ms = clock.nowMs() - startedAtMs;
    const line = { ...fields, result, wrote: attributesOf(sent), ms };
    if (refused.length === 0) log.info(line, 'write handled');
    else {
      const parked = attributesOf(refused.map(({ change }) => change));
      log.warn({ ...line, parked, reason: reasonOf(refused[0]?.error) }, 'write handled');
    }
  } catch (error) {
    const verdict = judgeFailure(error, write.attempt, clock.nowMs() - write.queuedAtMs);
    const result = await giveBack(deps, attempt, verdict);
    if (wasTried(error)) metrics.writes.inc({ result });
    const line = { ...fields, ...describeVerdict(verdict, error), result, ms: clock.nowMs() - startedAtMs };
    if (verdict.kind === 'wait') log.debug(line, 'write handled');
    else log.warn({ ...line, err: error }, 'write handled');
  }
}

/** Ends an attempt without success. Where the lease is lost and the contact may have been written, it is read again. */
async function giveBack(
  deps: WriteBackDeps,
  { write, mayHaveWritten }: Attempt,
  verdict: Verdict,
): Promise<'parked' | 'retried' | 'lease_lost'> {
  const { store, clock } = deps;
  const { contactId, lease } = write;
  const { reason } = verdict;
  const settlement =
    verdict.kind === 'park'
      ? await store.parkWrite({ contactId, lease, reason })
      : await store.retryWrite({
          contactId,
          lease,
          reason,
          outcomeUnknown: verdict.outcomeUnknown || mayHaveWritten,
          dueAtMs: clock.nowMs() + verdict.delayMs,
          waitsForIntercom: verdict.kind === 'wait',
        });
  if (settlement === 'settled') return COUNTED_AS[verdict.kind];
  if (mayHaveWritten) await readAgain(deps, write);
  return 'lease_lost';
}

/**
 * A write that reached Intercom behind the back of whoever has the contact now: what Intercom holds then is read when it
 * can no longer change, and put right.
 */
async function readAgain(deps: WriteBackDeps, { contactId, lease }: LeasedWrite): Promise<void> {
  const nowMs = deps.clock.nowMs();
  await deps.store.apply({
    changes: [],
    cause: { kind: 'write-back', ref: null },
    nowMs,
    decide: decideAt(deps.settings, nowMs),
    completes: { kind: 'nothing' },
    rereads: [
      {
        dedupeKey: `late-write:${contactId}:${lease.token}`,
        origin: 'reread',
        subject: { kind: 'contact', id: contactId },
        lane: contactId,
        dueAtMs: nowMs + CALL_TIMEOUT_MS,
      },
    ],
    unknownContacts: 'accept',
    recompute: 'later',
  });
}

function attributesOf(changes: readonly WaitingChange[]): string[] {
  return changes.map((change) => change.attribute);
}
