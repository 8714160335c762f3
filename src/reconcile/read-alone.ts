import { isContradiction, MAX_READS_AT_ONCE, parkUnreadable, readSubject } from '../work/apply-work.js';
import { mapAtMost } from '../work/at-most.js';
import { AppError, type UnreadablePart } from '../errors.js';
import type { UnreadableEntry } from '../intercom/search.js';
import type { CacheChange } from '../store/ports/changes.js';
import type { Subject } from '../store/ports/subject.js';
import { asking, giveUpWhereHopeless, type Frame, type Step } from './run-frame.js';

/** After so many for which no answer came the others are asked for once only: it is not the single object that fails. */
const MAX_UNANSWERED = 20;
/** How many are in one run; the others are parked unread, and tried by later runs. */
const MAX_READ_ALONE = 1000;

/**
 * Reads one object by id. One that can't be read is parked alone, and the run goes on without it.
 * @returns null where it is parked
 * @throws AppError of an outage, once the run is stopped
 */
export async function readAlone(frame: Frame, subject: Subject): Promise<readonly CacheChange[] | null> {
  try {
    return await asking(
      frame,
      async () => {
        try {
          return await readSubject(frame.deps, subject, frame.call);
        } catch (error) {
          // Asking again at once changes nothing.
          if (error instanceof AppError && error.unreadable !== null) throw new Unreadable(error.unreadable);
          if (isContradiction(error))
            throw new Unreadable({
              field: 'what Intercom answers (it contradicts itself)',
              likelyOwnerId: null,
            });
          throw error;
        }
      },
      (error, attempt) =>
        giveUpWhereHopeless(frame, error, frame.unanswered.count < MAX_UNANSWERED ? attempt : null),
    );
  } catch (error) {
    if (frame.signal.aborted) throw error;
    if (error instanceof Unreadable) {
      await park(frame, { ...subject, ...error.part });
      return null;
    }
    if (!(error instanceof AppError) || !error.code.startsWith('intercom_')) throw error;
    frame.unanswered.count += 1;
    await park(frame, { ...subject, field: `the answer (${error.code})`, likelyOwnerId: null });
    return null;
  }
}

/** False for what says that something is gone: a run believes that only where its guard has seen it. */
export function isThere({ kind }: CacheChange): boolean {
  return kind === 'conversation' || kind === 'contact';
}

/** The same, for what must not be erased at this point: null too where the object is gone. */
export async function readThere(frame: Frame, subject: Subject): Promise<readonly CacheChange[] | null> {
  const read = await readAlone(frame, subject);
  return read?.every(isThere) === true ? read : null;
}

class Unreadable extends Error {
  readonly part: UnreadablePart;

  constructor(part: UnreadablePart) {
    super('unreadable');
    this.part = part;
  }
}

/**
 * What a page has shown in a form that can't be read, each read by its id. One that is parked and not due yet, or that
 * this run has tried, is not read again.
 * @param before how many entries of the search came before this page
 */
export async function readUnreadable(
  frame: Frame,
  step: Step,
  kind: Subject['kind'],
  entries: readonly UnreadableEntry[],
  before: number,
): Promise<{ readonly changes: readonly CacheChange[]; readonly asked: number }> {
  const changes: CacheChange[] = [];
  let asked = 0;
  const readOne = async (entry: UnreadableEntry): Promise<void> => {
    const { field, likelyOwnerId } = entry;
    if (entry.id === null) return park(frame, { kind, id: `#${before + entry.place}`, field, likelyOwnerId });
    const subject = { kind, id: entry.id };
    const parked = await frame.deps.store.findParkedObject(subject, frame.deps.clock.nowMs());
    if (parked !== null && (parked.runId === frame.run.id || !parked.isDue)) {
      frame.parkedHere.add(keyOf(subject));
      return;
    }
    if ((step.checkpoint.tally['alone'] ?? 0) + asked >= MAX_READ_ALONE)
      return park(frame, { ...subject, field, likelyOwnerId });
    asked += 1;
    const read = await readAlone(frame, subject);
    changes.push(...(read ?? []));
    // The page may know whose it is where the object alone does not say.
    if (read === null && likelyOwnerId !== null) await park(frame, { ...subject, field, likelyOwnerId });
  };
  await mapAtMost(MAX_READS_AT_ONCE, entries, readOne);
  return { changes, asked };
}

async function park(
  frame: Frame,
  object: Subject & { readonly field: string; readonly likelyOwnerId: string | null },
): Promise<void> {
  await parkUnreadable(frame.deps, { ...object, runId: frame.run.id });
  frame.parkedHere.add(keyOf(object));
}

/** Puts a run's own count of what is parked into its progress. */
export function withParked(frame: Frame, step: Step): Step {
  const parked = Math.max(step.progress.parked ?? 0, frame.parkedHere.size);
  return parked === 0 ? step : { ...step, progress: { ...step.progress, parked } };
}

function keyOf({ kind, id }: Subject): string {
  return `${kind}:${id}`;
}
