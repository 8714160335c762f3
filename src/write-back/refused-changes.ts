import type { Clock } from '../clock.js';
import { AppError } from '../errors.js';
import type { Change } from '../rules/facts.js';

/** What Intercom has refused lately, whoever it was for: other contacts' writes go without it at once. */
export interface RefusedChanges {
  /** Intercom's refusal of such a change; null when none is known. */
  find(change: Change): AppError | null;
  note(change: Change, error: AppError): void;
}

/** Then it is tried again: the attribute may have come back. */
const REMEMBERED_MS = 10 * 60_000;
const MAX_REMEMBERED = 100;

export function createRefusedChanges(clock: Clock): RefusedChanges {
  const known = new Map<string, { readonly error: AppError; readonly atMs: number }>();
  return {
    find: (change) => {
      const key = kindOf(change);
      const found = known.get(key);
      if (found === undefined) return null;
      const ageMs = clock.nowMs() - found.atMs;
      if (ageMs >= 0 && ageMs < REMEMBERED_MS) return found.error;
      known.delete(key);
      return null;
    },
    note: (change, error) => {
      const key = kindOf(change);
      known.delete(key);
      known.set(key, { error, atMs: clock.nowMs() });
      for (const oldest of known.keys()) {
        if (known.size <= MAX_REMEMBERED) break;
        known.delete(oldest);
      }
    },
  };
}

/** A text may be refused for what it says (a list's options), anything else only for what it is. */
function kindOf({ attribute, after }: Change): string {
  return JSON.stringify([
    attribute,
    typeof after === 'string' ? after : after === null ? null : typeof after,
  ]);
}

export interface RefusedChange<One extends Change = Change> {
  readonly change: One;
  readonly error: AppError;
}

export interface Sent<Answer, One extends Change> {
  /** The answers of the requests that were accepted, in their order. */
  readonly answers: readonly Answer[];
  readonly accepted: readonly One[];
  readonly refused: readonly RefusedChange<One>[];
}

/** Changes of one contact on their way: what is still to be sent, and what Intercom won't have. */
interface Sending<One extends Change> {
  readonly rest: readonly One[];
  readonly refused: readonly RefusedChange<One>[];
}

/** Leaves out what Intercom has refused lately for others. */
export function withoutKnown<One extends Change>(
  changes: readonly One[],
  memory: RefusedChanges,
): Sending<One> {
  return changes.reduce<Sending<One>>(
    (so, change) => {
      const error = memory.find(change);
      return error === null ? so : without(so, change, error);
    },
    { rest: changes, refused: [] },
  );
}

/**
 * Sends changes of one contact in one request; where Intercom refuses it, sends the rest without what it refuses:
 * without the one attribute that the refusal names, else each by itself. At most two requests for each change.
 * @throws AppError of Intercom when it refuses all of them, and every other failure of `put`.
 */
export async function sendAccepted<Answer, One extends Change>(
  begin: Sending<One>,
  put: (changes: readonly One[]) => Promise<Answer>,
  memory: RefusedChanges,
): Promise<Sent<Answer, One>> {
  let so = begin;
  while (so.rest.length > 0) {
    try {
      const answer = await put(so.rest);
      return { answers: [answer], accepted: so.rest, refused: so.refused };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const named = namedAlone(error, so.rest);
      if (named === null) {
        if (so.rest.length === 1 || !isAboutAttributes(error)) throw error;
        return eachByItself(so, put, memory, error);
      }
      memory.note(named, error);
      so = without(so, named, error);
      if (so.rest.length === 0 && begin.refused.length === 0) throw error;
    }
  }
  return { answers: [], accepted: [], refused: so.refused };
}

async function eachByItself<Answer, One extends Change>(
  begin: Sending<One>,
  put: (changes: readonly One[]) => Promise<Answer>,
  memory: RefusedChanges,
  refusal: AppError,
): Promise<Sent<Answer, One>> {
  const answers: Answer[] = [];
  const accepted: One[] = [];
  const found: RefusedChange<One>[] = [];
  let so = begin;
  for (const change of begin.rest) {
    if (!so.rest.includes(change)) continue;
    const companion = companionOf(change, accepted);
    try {
      // A date of a status goes with it; Intercom has taken the status already.
      answers.push(await put(companion === undefined ? [change] : [companion, change]));
      accepted.push(change);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      found.push({ change, error });
      so = without(so, change, error);
    }
  }
  // Refused one and all, it may be the contact; of a single attribute that says nothing.
  if (accepted.length === 0) throw refusal;
  for (const { change, error } of found) memory.note(change, error);
  return { answers, accepted, refused: so.refused };
}

/** Without `change`, and without what is never written alone (spec §3): the date of a status that is not written. */
function without<One extends Change>(so: Sending<One>, change: One, error: AppError): Sending<One> {
  if (!so.rest.includes(change)) return so;
  const gone = so.rest.filter(
    (one) =>
      one === change ||
      (change.attribute === 'Engagement Status' && one.attribute === 'Engagement Status Date'),
  );
  return {
    rest: so.rest.filter((one) => !gone.includes(one)),
    refused: [...so.refused, ...gone.map((one) => ({ change: one, error }))],
  };
}

function companionOf<One extends Change>(change: One, accepted: readonly One[]): One | undefined {
  return change.attribute === 'Engagement Status Date'
    ? accepted.find(({ attribute }) => attribute === 'Engagement Status')
    : undefined;
}

function isRefusal(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'intercom_refused_request';
}

/** Not a version or a media type that Intercom does not take, nor a conflict with another contact. */
function isAboutAttributes({ status }: AppError): boolean {
  return status === 400 || status === 422;
}

function namedAlone<One extends Change>(error: AppError, changes: readonly One[]): One | null {
  if (!isAboutAttributes(error) || error.refusedNames.length !== 1) return null;
  return changes.find((change) => change.attribute === error.refusedNames[0]) ?? null;
}
