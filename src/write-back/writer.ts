import { applyWork, contradiction, decideAt, readSubject, type DecideSettings } from '../work/apply-work.js';
import {
  COUNTED_AS,
  describeVerdict,
  judgeFailure,
  reasonOf,
  reasonToStore,
  wasTried,
  type Verdict,
} from '../work/backoff.js';
import type { Clock } from '../clock.js';
import { AppError } from '../errors.js';
import type { Breaker } from '../intercom/breaker.js';
import { WRITE_CALLS } from '../intercom/call-health.js';
import type { ContactAnswer, IntercomClient } from '../intercom/client.js';
import { CALL_TIMEOUT_MS, type CallOptions } from '../intercom/send-call.js';
import { LEASE_MS, type Hand } from '../work/lease-keeper.js';
import { eventId, type Log } from '../log.js';
import type { Metrics } from '../watch/metrics.js';
import { isKeptForm, sameValue } from '../rules/difference.js';
import type { AttributeValue, Change, ContactFacts, KeptForm } from '../rules/facts.js';
import type { CacheChange, Cause } from '../store/ports/changes.js';
import type { LeasedWrite, WaitingChange } from '../store/ports/outbox.js';
import type { Store } from '../store/ports/store.js';
import { createWorkLoop, type WorkLoop } from '../work/work-loop.js';
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

interface SendDeps extends WriteBackDeps {
  readonly refusedLately: RefusedChanges;
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

/** One attempt at one contact's waiting changes. */
interface Attempt {
  readonly write: LeasedWrite;
  readonly hand: Hand;
  readonly call: CallOptions;
  /** A request went out, of which nothing shows that it had no effect. */
  mayHaveWritten: boolean;
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

/**
 * An attempt whose outcome is unknown may be in Intercom already, and First Session Date may only be written while it
 * is empty there at this moment (spec §3): both are settled by reading the contact first.
 */
function mustReadFirst(write: LeasedWrite): boolean {
  return write.outcomeUnknown || write.changes.some((change) => change.attribute === 'First Session Date');
}

/** Reads the contact, settles what turns out to be in Intercom already and answers what is still to be sent. */
async function confirmChanges(deps: WriteBackDeps, attempt: Attempt): Promise<readonly WaitingChange[]> {
  const { write, call } = attempt;
  const learned = await readSubject(deps, { kind: 'contact', id: write.contactId }, call);
  const held = learned
    .flatMap((change) => (change.kind === 'contact' ? [change.contact] : []))
    // What it was merged into is not what is to be written.
    .find(({ id }) => id === write.contactId);
  const confirmed =
    held === undefined || !write.outcomeUnknown ? [] : write.changes.filter((change) => isHeld(held, change));
  const left = await settle(deps, attempt, { learned, sent: confirmed, afterwards: 'keep' });
  if (left.length === 0) await settle(deps, attempt, { afterwards: 'release' });
  else if (held === undefined) throw contradiction('GET /contacts/{id}: not there, and yet to be written');
  return left;
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
  attempt: Attempt,
  changes: readonly WaitingChange[],
): Promise<SendResult> {
  const { contactId, lease, changes: all } = attempt.write;
  const replayed = new Set(all.filter((one) => one.isReplayed).map((one) => one.attribute));
  const lately = deps.refusedLately;
  const begin = withoutKnown(changes, {
    ...lately,
    find: (change) => (replayed.has(change.attribute) ? null : lately.find(change)),
  });
  const put = (some: readonly WaitingChange[]): Promise<ContactAnswer> => putChanges(deps, attempt, some);
  const { answers, accepted, refused } = await sendAccepted(begin, put, lately);
  const answer = answers.at(-1);
  // The answer to a contact that was merged may be the survivor.
  if (answer !== undefined && (answer.kind !== 'found' || answer.contact.id !== contactId)) {
    attempt.mayHaveWritten = false;
    // Versions before 2.16 answer 404 for a merged contact too: what became of it is asked for by id.
    const learned = await readSubject(deps, { kind: 'contact', id: contactId }, attempt.call);
    const left = await settle(deps, attempt, { learned, afterwards: 'keep' });
    // Sending it again at once would go on for ever.
    if (left.length > 0) throw contradiction('PUT /contacts/{id}: not there, although GET finds it');
    await settle(deps, attempt, { afterwards: 'release' });
    return { result: 'contact_gone', sent: [], refused: [] };
  }
  if (refused.length > 0) {
    const parked = refused.map(({ change, error }) => ({
      writeId: change.writeId,
      reason: reasonToStore(error),
    }));
    // Where the lease is lost, settling finds it out.
    await deps.store.parkChanges({ contactId, lease, changes: parked });
  }
  if (answer === undefined) {
    await settle(deps, attempt, { afterwards: 'release' });
    return { result: 'parked', sent: [], refused };
  }
  const held: CacheChange = {
    kind: 'contact',
    contact: answer.contact,
    authority: { kind: 'written', observedAtMs: answer.observedAtMs },
  };
  const kept = keptForms(answer.contact, accepted);
  await settle(deps, attempt, { learned: [held], sent: accepted, kept, afterwards: 'release' });
  return { result: 'sent', sent: accepted, refused };
}

/** The one request that can't be taken back: it goes out only while nobody else can have the contact. */
async function putChanges(
  deps: WriteBackDeps,
  attempt: Attempt,
  changes: readonly WaitingChange[],
): Promise<ContactAnswer> {
  const { write, call } = attempt;
  const attributes = Object.fromEntries(changes.map((change) => [change.attribute, change.after]));
  const before = attempt.mayHaveWritten;
  const beforeSend = async (): Promise<void> => {
    await assertLease(deps, attempt);
    attempt.mayHaveWritten = true;
  };
  try {
    return await deps.intercom.updateContact(write.contactId, attributes, { ...call, beforeSend });
  } catch (error) {
    if (error instanceof AppError && !error.outcomeUnknown) attempt.mayHaveWritten = before;
    throw error;
  }
}

/** @throws AppError `lease_lost` when the lease is lost, or could run out before the request has ended. */
async function assertLease({ store, clock }: WriteBackDeps, { write, hand }: Attempt): Promise<void> {
  const lastsLongEnough = hand.leaseUntilMs() - clock.nowMs() >= CALL_TIMEOUT_MS;
  if (lastsLongEnough && !hand.signal.aborted && (await store.holdsWrite(write))) return;
  throw new AppError('lease_lost', 'later', 'PUT /contacts/{id}: not sent, because the lease may have ended');
}

interface Outcome {
  readonly learned?: readonly CacheChange[];
  readonly sent?: readonly WaitingChange[];
  readonly kept?: readonly KeptForm[];
  readonly afterwards: 'release' | 'keep';
}

/**
 * Answers what still waits under the lease that is kept.
 * @throws AppError `lease_lost` when it is no longer ours, and nothing was stored.
 */
async function settle(
  deps: WriteBackDeps,
  { write, call }: Attempt,
  { learned = [], sent = [], kept = [], afterwards }: Outcome,
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
        lease: write.lease,
        sentWriteIds: sent.map((change) => change.writeId),
        keptForms: kept,
        afterwards,
      },
      unknownContacts: 'ask',
      recompute: 'now',
    },
    call,
  );
  if (applied.kind === 'applied') return applied.waiting;
  throw new AppError('lease_lost', 'later', 'the write is no longer ours to settle');
}

function isHeld(contact: ContactFacts, change: WaitingChange): boolean {
  return sameValue(change.attribute, heldValue(contact, change), change.after);
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
