import { AppError } from '../errors.js';
import type { ContactAnswer } from '../intercom/client.js';
import { CALL_TIMEOUT_MS } from '../intercom/send-call.js';
import type { KeptForm } from '../rules/facts.js';
import type { CacheChange } from '../store/ports/changes.js';
import type { LeasedWrite, WaitingChange } from '../store/ports/outbox.js';
import { applyWork, contradiction, decideAt, readSubject } from '../work/apply-work.js';
import { reasonToStore } from '../work/backoff.js';
import type { Attempt, SendDeps, WriteBackDeps } from './attempt.js';
import { isHeld, keptForms } from './held-values.js';
import { sendAccepted, withoutKnown, type RefusedChange } from './refused-changes.js';

/**
 * An attempt whose outcome is unknown may be in Intercom already, and First Session Date may only be written while it
 * is empty there at this moment (spec §3): both are settled by reading the contact first.
 */
export function mustReadFirst(write: LeasedWrite): boolean {
  return write.outcomeUnknown || write.changes.some((change) => change.attribute === 'First Session Date');
}

/** Reads the contact, settles what turns out to be in Intercom already and answers what is still to be sent. */
export async function confirmChanges(
  deps: WriteBackDeps,
  attempt: Attempt,
): Promise<readonly WaitingChange[]> {
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

export const NOT_NEEDED: SendResult = { result: 'not_needed', sent: [], refused: [] };

/** Sends the changes, those that Intercom refuses aside; a contact that is gone or merged needs them no more. */
export async function sendChanges(
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
