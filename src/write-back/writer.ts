import { applyWork, decideAt, readSubject, type DecideSettings } from '../apply-work.js';
import { describeVerdict, judgeFailure, reasonOf, reasonToStore, wasTried } from '../backoff.js';
import type { Clock } from '../clock.js';
import { AppError } from '../errors.js';
import type { Breaker } from '../intercom/breaker.js';
import { WRITE_CALLS } from '../intercom/call-health.js';
import type { CallOptions, ContactAnswer, IntercomClient } from '../intercom/client.js';
import { eventId, type Log } from '../log.js';
import type { Metrics } from '../operate/metrics.js';
import { isKeptForm, sameValue } from '../rules/difference.js';
import type { AttributeValue, Change, ContactFacts, KeptForm } from '../rules/facts.js';
import type { CacheChange, Cause, LeasedWrite, Store, WaitingChange } from '../store/store.js';
import { createWorkLoop, type WorkLoop } from '../work-loop.js';
import {
  createRefusedChanges,
  sendAccepted,
  withoutKnown,
  type RefusedChange,
  type RefusedChanges,
} from './refused-changes.js';

export interface WriteBackDeps {
  readonly store: Store;
  readonly intercom: IntercomClient;
  readonly breaker: Pick<Breaker, 'room' | 'onClear'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly owner: string;
  readonly settings: DecideSettings;
  /** `DRY_RUN`: everything but sending. */
  readonly dryRun: boolean;
  /** Told of every change that reached Intercom. */
  readonly onWritten?: (written: Written) => void;
}

export interface Written {
  readonly contactId: string;
  readonly changes: readonly Change[];
  readonly cause: Cause;
  readonly writtenAtMs: number;
  /** From the decision to Intercom's answer. */
  readonly latencyMs: number;
}

/** Longer than two calls with their timeouts: read before the write, and the write. */
const LEASE_MS = 60_000;
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
    handle: (write, signal) => (deps.dryRun ? holdWrite(deps, write) : sendWrite(deps, write, signal)),
    nextDueAtMs: () => store.nextWriteDueAtMs(),
    onWork: (listener) => {
      const stops = [store.onWork('writes', listener), breaker.onClear(listener)];
      return () => stops.forEach((stop) => stop());
    },
  });
}

interface SendDeps extends WriteBackDeps {
  readonly refusedLately: RefusedChanges;
}

async function holdWrite(deps: WriteBackDeps, write: LeasedWrite): Promise<void> {
  await deps.store.holdWrite({ contactId: write.contactId, owner: deps.owner });
  deps.metrics.writes.inc({ result: 'held' });
  const { contactId, attempt, cause, changes } = write;
  const would = attributesOf(changes);
  deps.log.info(
    { contact: contactId, attempt, cause: cause.kind, event: eventId(cause.ref), result: 'held', would },
    'write handled',
  );
}

async function sendWrite(deps: SendDeps, write: LeasedWrite, signal: AbortSignal): Promise<void> {
  const { store, clock, log, metrics, owner } = deps;
  const { contactId } = write;
  const startedAtMs = clock.nowMs();
  const fields = {
    contact: contactId,
    attempt: write.attempt,
    cause: write.cause.kind,
    event: eventId(write.cause.ref),
    waitedMs: startedAtMs - write.queuedAtMs,
  };
  try {
    const call: CallOptions = { priority: write.priority, signal };
    const changes = mustReadFirst(write) ? await confirmChanges(deps, write, call) : write.changes;
    const { result, sent, refused } =
      changes.length === 0 ? NOT_NEEDED : await sendChanges(deps, write, changes, call);
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
    if (verdict.kind === 'park') {
      await store.parkWrite({ contactId, owner, reason: verdict.reason });
    } else {
      const { reason, outcomeUnknown } = verdict;
      await store.retryWrite({
        contactId,
        owner,
        reason,
        outcomeUnknown,
        dueAtMs: clock.nowMs() + verdict.delayMs,
        waitsForIntercom: verdict.kind === 'wait',
      });
    }
    if (wasTried(error)) metrics.writes.inc({ result: verdict.kind === 'park' ? 'parked' : 'retried' });
    const line = { ...fields, ...describeVerdict(verdict, error), ms: clock.nowMs() - startedAtMs };
    if (verdict.kind === 'wait') log.debug(line, 'write handled');
    else log.warn({ ...line, err: error }, 'write handled');
  }
}

/**
 * An attempt whose outcome is unknown may be in Intercom already, and First Session Date may only be written while it
 * is empty there at this moment (spec §3): both are settled by reading the contact first.
 */
function mustReadFirst(write: LeasedWrite): boolean {
  return write.outcomeUnknown || write.changes.some((change) => change.attribute === 'First Session Date');
}

/** Reads the contact, settles what turns out to be in Intercom already and answers what is still to be sent. */
async function confirmChanges(
  deps: WriteBackDeps,
  write: LeasedWrite,
  call: CallOptions,
): Promise<readonly WaitingChange[]> {
  const learned = await readSubject(deps, { kind: 'contact', id: write.contactId }, call);
  const held = learned.flatMap((change) => (change.kind === 'contact' ? [change.contact] : []))[0];
  const confirmed =
    held === undefined || !write.outcomeUnknown ? [] : write.changes.filter((change) => isHeld(held, change));
  const applied = await settle(
    deps,
    write,
    learned,
    confirmed,
    [],
    call,
    held === undefined ? 'release' : 'keep',
  );
  if (applied.length === 0 && held !== undefined) await settle(deps, write, [], [], [], call, 'release');
  return applied;
}

interface SendResult {
  readonly result: 'sent' | 'contact_gone' | 'not_needed' | 'parked';
  readonly sent: readonly WaitingChange[];
  /** Parked by themselves: Intercom takes the others. */
  readonly refused: readonly RefusedChange<WaitingChange>[];
}

const NOT_NEEDED: SendResult = { result: 'not_needed', sent: [], refused: [] };

/** Sends the changes, those that Intercom refuses aside; a contact that is gone or merged needs them no more. */
async function sendChanges(
  deps: SendDeps,
  write: LeasedWrite,
  changes: readonly WaitingChange[],
  call: CallOptions,
): Promise<SendResult> {
  const { contactId } = write;
  const replayed = new Set(write.changes.filter((one) => one.isReplayed).map((one) => one.attribute));
  const lately = deps.refusedLately;
  const begin = withoutKnown(changes, {
    ...lately,
    find: (change) => (replayed.has(change.attribute) ? null : lately.find(change)),
  });
  const put = (some: readonly WaitingChange[]): Promise<ContactAnswer> =>
    deps.intercom.updateContact(
      contactId,
      Object.fromEntries(some.map((change) => [change.attribute, change.after])),
      call,
    );
  const { answers, accepted, refused } = await sendAccepted(begin, put, lately);
  const answer = answers.at(-1);
  if (answer !== undefined && answer.kind !== 'found') {
    // Versions before 2.16 answer 404 for a merged contact too: what became of it is asked for by id.
    const learned = await readSubject(deps, { kind: 'contact', id: contactId }, call);
    await settle(deps, write, learned, [], [], call, 'release');
    return { result: 'contact_gone', sent: [], refused: [] };
  }
  if (refused.length > 0) {
    const parked = refused.map(({ change, error }) => ({
      writeId: change.writeId,
      reason: reasonToStore(error),
    }));
    await deps.store.parkChanges({ contactId, owner: deps.owner, changes: parked });
  }
  const held: CacheChange[] =
    answer === undefined
      ? []
      : [
          {
            kind: 'contact',
            contact: answer.contact,
            authority: { kind: 'written', observedAtMs: answer.observedAtMs },
          },
        ];
  const forms = answer === undefined ? [] : keptForms(answer.contact, accepted);
  await settle(deps, write, held, accepted, forms, call, 'release');
  return {
    result: answer === undefined ? 'parked' : 'sent',
    sent: accepted,
    refused,
  };
}

async function settle(
  deps: WriteBackDeps,
  write: LeasedWrite,
  learned: readonly CacheChange[],
  sent: readonly WaitingChange[],
  kept: readonly KeptForm[],
  call: CallOptions,
  lease: 'release' | 'keep',
): Promise<readonly WaitingChange[]> {
  const nowMs = deps.clock.nowMs();
  const applied = await applyWork(
    deps,
    {
      changes: learned,
      cause: { kind: 'write-back', ref: null },
      nowMs,
      decide: decideAt(deps.settings, nowMs),
      completes: {
        kind: 'write',
        contactId: write.contactId,
        owner: deps.owner,
        sentWriteIds: sent.map((change) => change.writeId),
        keptForms: kept,
        lease,
      },
      unknownContacts: 'ask',
      recompute: 'now',
    },
    call,
  );
  return applied.kind === 'applied' ? applied.waiting : [];
}

function isHeld(contact: ContactFacts, change: WaitingChange): boolean {
  return sameValue(change.attribute, contact.attributes[change.attribute] ?? null, change.after);
}

/**
 * Values that Intercom answers in another form than we sent (a date cut to its day, say).
 * @throws AppError (retry later, after reading) when the answer holds another value: somebody else was faster, or
 * Intercom has not taken ours. Writing again at once would go on for ever.
 */
function keptForms(contact: ContactFacts, changes: readonly WaitingChange[]): KeptForm[] {
  const forms = changes
    .filter((change) => !isHeld(contact, change))
    .map((change) => ({ attribute: change.attribute, sent: change.after, kept: heldValue(contact, change) }));
  const others = forms.filter((form) => !isKeptForm(form)).map((form) => form.attribute);
  if (others.length === 0) return forms;
  const message = `PUT /contacts/{id}: the answer holds other values than were sent: ${others.join(', ')}`;
  throw new AppError('intercom_answer_unreadable', 'later', message, { outcomeUnknown: true });
}

function heldValue(contact: ContactFacts, change: WaitingChange): AttributeValue {
  return contact.attributes[change.attribute] ?? null;
}

function attributesOf(changes: readonly WaitingChange[]): string[] {
  return changes.map((change) => change.attribute);
}
