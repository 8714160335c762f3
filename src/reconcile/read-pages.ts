import { AppError } from '../errors.js';
import {
  conversationsChangedSince,
  isEndless,
  MAX_PER_PAGE,
  membersUpdatedSince,
  type Search,
  type SearchPage,
} from '../intercom/search.js';
import type { RunPage } from '../store/ports/runs.js';
import type { CacheChange } from '../store/ports/changes.js';
import type { Subject } from '../store/ports/subject.js';
import { readUnreadable, withParked } from './read-alone.js';
import {
  asking,
  DOUBTFUL_ATTEMPTS,
  enterPhase,
  giveUpWhereHopeless,
  INDEX_LAG_SECONDS,
  noted,
  pageOf,
  SEARCH_ATTEMPTS,
  tallied,
  type Checkpoint,
  type Frame,
  type Step,
} from './run-frame.js';

export interface SearchPhase<Item> {
  readonly search: Search;
  readonly ask: (search: Search) => Promise<SearchPage<Item>>;
  readonly kind: Subject['kind'];
  readonly nextPhase: string;
  /** It shows everything there is, so finding nothing at all is checked, too. */
  readonly isWhole: boolean;
  /** Whether an object that has changed meanwhile belongs to the search; without it every one does. */
  readonly matches?: (item: Item) => boolean;
  /** The phase to go on with when what comes behind this page is of no interest; null when it is. */
  readonly phaseAfterEnough?: (page: SearchPage<Item>) => string | null;
  /** Keeps what the page tells, together with the place to go on from. */
  readonly keep: (read: ReadPage<Item>) => Promise<void>;
  /** What the end of the run has to know of the search. */
  readonly notes?: (page: SearchPage<Item>) => Readonly<Record<string, number>>;
}

export interface ReadPage<Item> {
  readonly items: readonly Item[];
  /** What was read by id because the page's own entry can't be read. */
  readonly alone: readonly CacheChange[];
  /** Ids of everything on the page. */
  readonly seen: readonly string[];
  /** When the request was sent, milliseconds: what it shows may be older by the lag of the search index. */
  readonly sentAtMs: number;
  readonly page: RunPage;
}

type SearchState = NonNullable<Checkpoint['search']>;

/**
 * Takes the next step of a phase that reads a search page by page. Its end is believed only when as many different
 * entries have come as Intercom counts: no next page, an empty page, or a cursor that leads back are no end by
 * themselves. Rows do move while they are read, so where some are missing, what has changed meanwhile is read first.
 * Otherwise the phase begins again, at most {@link MAX_BEGINNINGS} times.
 * @throws AppError `intercom_search_incomplete`
 */
export async function readSearch<Item extends { readonly id: string }>(
  frame: Frame,
  step: Step,
  phase: SearchPhase<Item>,
): Promise<Step> {
  const began: Step =
    step.checkpoint.search === undefined
      ? at(step, { search: beginning(frame), after: step.checkpoint.after })
      : step;
  const state = began.checkpoint.search ?? beginning(frame);
  switch (state.stage) {
    case 'pages':
    case 'late pages':
      return readOnePage(frame, began, state, phase);
    case 'check':
      return checkEnd(frame, began, state, phase);
    case 'last check':
      return checkAgain(frame, began, state, phase);
  }
}

function beginning({ deps }: Frame): SearchState {
  return { stage: 'pages', beganAt: Math.floor(deps.clock.nowMs() / 1000), total: null, entries: 0 };
}

function at(step: Step, over: Partial<Checkpoint>): Step {
  return { ...step, checkpoint: { ...step.checkpoint, ...over } };
}

async function readOnePage<Item extends { readonly id: string }>(
  frame: Frame,
  step: Step,
  state: SearchState,
  phase: SearchPhase<Item>,
): Promise<Step> {
  const isLate = state.stage === 'late pages';
  const sentAtMs = frame.deps.clock.nowMs();
  const { after } = step.checkpoint;
  const search = isLate ? changedSince(phase.kind, state.beganAt - INDEX_LAG_SECONDS) : phase.search;
  let asked: Asked<Item>;
  try {
    asked = await askPage(frame, step, { ask: phase.ask, search: { ...search, cursor: after } });
  } catch (error) {
    // A cursor holds only for a while, and what it was made for may be gone.
    if (after !== null && error instanceof AppError && isRefusal(error))
      return beginAgain(frame, step, phase.kind, `its next page was refused (${error.message})`);
    throw error;
  }
  const { page } = asked;
  const count = page.items.length + page.unreadable.length;
  const alone = await readUnreadable(frame, asked.step, phase.kind, page.unreadable, state.entries);

  const entries = state.entries + count;
  const total =
    isLate || page.totalCount === null ? state.total : Math.max(state.total ?? 0, page.totalCount);
  const isEnd =
    page.nextCursor === null || count === 0 || page.nextCursor === after || isEndless(entries, total);
  // An empty page says nothing of what comes behind it.
  const enough = isLate || count === 0 ? null : (phase.phaseAfterEnough?.(page) ?? null);
  const stage = isEnd ? (isLate ? 'last check' : 'check') : state.stage;
  const counts = `${phase.kind}s` as const;
  const done = step.progress.done + count;
  const { progress } = step;
  const moved: Step = {
    checkpoint: {
      ...asked.step.checkpoint,
      after: isEnd ? null : page.nextCursor,
      search: { ...state, stage, total, entries },
    },
    progress: {
      ...progress,
      phase: step.checkpoint.phase,
      done,
      total: Math.max(total ?? 0, done),
      [counts]: progress[counts] + count,
      calls: progress.calls + 1 + alone.asked,
    },
  };
  const read = tallied(noted(moved, isLate ? {} : (phase.notes?.(page) ?? {})), { alone: alone.asked });
  const next = withParked(frame, enough === null ? read : enterPhase(read, enough));
  const seen = [...page.items, ...page.unreadable].flatMap(({ id }) => id ?? []);
  const counted = isLate
    ? page.items.filter((item) => phase.matches?.(item) ?? true).map(({ id }) => id)
    : [
        ...page.items.map(({ id }) => id),
        ...page.unreadable.map(({ id, place }) => id ?? `#${state.entries + place}`),
      ];
  await phase.keep({
    items: page.items,
    alone: alone.changes,
    seen,
    sentAtMs,
    page: {
      ...pageOf(frame, next),
      ...(enough === null
        ? { counted: { phase: step.checkpoint.phase, entries: counted } }
        : { uncounted: step.checkpoint.phase }),
    },
  });
  return next;
}

function changedSince(kind: Subject['kind'], sinceAt: number): Search {
  return kind === 'contact' ? membersUpdatedSince(sinceAt) : conversationsChangedSince(sinceAt);
}

/** As many entries as Intercom counts: the end. Else it is looked for what has moved. */
async function checkEnd<Item>(
  frame: Frame,
  step: Step,
  state: SearchState,
  phase: SearchPhase<Item>,
): Promise<Step> {
  const seen = await frame.deps.store.countEntries(step.checkpoint.phase);
  const isSuspicious = seen === 0 && phase.isWhole;
  if (state.total !== null && seen >= state.total && !isSuspicious) return endPhase(frame, step, phase);
  const total = state.total === null || isSuspicious ? await countAnew(frame, phase) : state.total;
  if (total === null) return beginAgain(frame, step, phase.kind, 'its total_count is missing');
  if (seen >= total) return endPhase(frame, step, phase);
  const looking = at(step, { after: null, search: { ...state, stage: 'late pages', total } });
  await frame.deps.store.advanceRun(pageOf(frame, looking));
  return looking;
}

/** What is deleted while a search is read is counted at its beginning and never shown: at most so many, or so large a share. */
const MAX_DELETED = 10;
const MAX_DELETED_SHARE = 0.05;

async function checkAgain<Item>(
  frame: Frame,
  step: Step,
  state: SearchState,
  phase: SearchPhase<Item>,
): Promise<Step> {
  const seen = await frame.deps.store.countEntries(step.checkpoint.phase);
  const total = state.total ?? 0;
  if (seen >= total) return endPhase(frame, step, phase);
  const left = await countAnew(frame, phase);
  const mayBeDeleted = Math.max(MAX_DELETED, total * MAX_DELETED_SHARE);
  if (left !== null && seen > 0 && seen >= left && total - left <= mayBeDeleted)
    return endPhase(frame, step, phase);
  return beginAgain(
    frame,
    step,
    phase.kind,
    `it ended after ${seen} of the ${total} that its total_count tells of`,
  );
}

/** Intercom's own count, asked for by itself. */
async function countAnew<Item>(frame: Frame, phase: SearchPhase<Item>): Promise<number | null> {
  const page = await asking(
    frame,
    () => phase.ask({ ...phase.search, cursor: null, perPage: 1 }),
    (error, attempt) => giveUpWhereHopeless(frame, error, attempt, SEARCH_ATTEMPTS),
  );
  return page.totalCount;
}

async function endPhase<Item>(frame: Frame, step: Step, phase: SearchPhase<Item>): Promise<Step> {
  const { store } = frame.deps;
  if (phase.isWhole) await store.releaseNameless(phase.kind, frame.run.id);
  const next = enterPhase(step, phase.nextPhase);
  await store.advanceRun({ ...pageOf(frame, next), uncounted: step.checkpoint.phase });
  return next;
}

/** How often a phase may begin in one run, and the pauses between. */
const PAUSES_MS = [2000, 10_000, 30_000];
const MAX_BEGINNINGS = PAUSES_MS.length + 1;

async function beginAgain(frame: Frame, step: Step, kind: Subject['kind'], why: string): Promise<Step> {
  const { store, clock, log } = frame.deps;
  const { phase, tally } = step.checkpoint;
  const name = `again ${phase}`;
  const again = tally[name] ?? 0;
  const pauseMs = PAUSES_MS[again];
  if (pauseMs === undefined) {
    throw new AppError(
      'intercom_search_incomplete',
      'never',
      `the search of the phase "${phase}" has begun ${MAX_BEGINNINGS} times, and each time ${why}: nothing is cleared, ` +
        `and nothing counts as complete. Look whether a proxy alters Intercom's answers, and whether the app lacks a ` +
        `permission (doctor; "Read tickets" where tickets are conversations); if not, ask Intercom`,
    );
  }
  log.warn({ run: frame.run.id, phase, again: again + 1, pauseMs, reason: why }, 'a search begins again');
  const counts = `${kind}s` as const;
  const read = step.checkpoint.search?.entries ?? 0;
  const begun = enterPhase(tallied(step, { [name]: 1 }), phase);
  const next: Step = {
    ...begun,
    progress: { ...begun.progress, [counts]: Math.max(0, begun.progress[counts] - read) },
  };
  const page = pageOf(frame, next);
  await store.advanceRun({ ...page, leaseUntilMs: page.leaseUntilMs + pauseMs, uncounted: phase });
  await clock.sleep(pauseMs, frame.signal);
  return next;
}

function isRefusal({ code }: AppError): boolean {
  return code === 'intercom_refused_request' || code === 'intercom_not_found';
}

interface Asked<Item> {
  readonly page: SearchPage<Item>;
  /** With the size of the pages to come. */
  readonly step: Step;
}

type Question<Item> = Pick<SearchPhase<Item>, 'ask' | 'search'>;

type Paging = NonNullable<Checkpoint['paging']>;

const FULL_PAGES: Paging = { perPage: MAX_PER_PAGE, good: 0, growAfter: 3 };
const MAX_GROW_AFTER = 24;

/** Failures that a smaller page may not have: Intercom takes too long over it, or it is too much to send. */
const OF_SIZE: ReadonlySet<string> = new Set([
  'intercom_timeout',
  'intercom_answer_too_large',
  'intercom_unavailable',
  'intercom_unreachable',
  'intercom_answer_unreadable',
]);

/** Asks for one page: half as large after each failure, down to one entry, and larger again after some that went well. */
async function askPage<Item>(frame: Frame, step: Step, question: Question<Item>): Promise<Asked<Item>> {
  let paging = step.checkpoint.paging ?? FULL_PAGES;
  let failedAlone = 0;
  const onFailure = async (error: AppError, attempt: number): Promise<void> => {
    if (!OF_SIZE.has(error.code)) return giveUpWhereHopeless(frame, error, attempt);
    if (paging.perPage === 1) {
      failedAlone += 1;
      return giveUpOnEntry(frame, question, error, failedAlone);
    }
    const growAfter = attempt === 1 ? Math.min(MAX_GROW_AFTER, paging.growAfter * 2) : paging.growAfter;
    paging = { perPage: Math.max(1, Math.floor(paging.perPage / 2)), good: 0, growAfter };
  };
  const { ask, search } = question;
  const page = await asking(frame, () => ask({ ...search, perPage: paging.perPage }), onFailure);
  return { page, step: at(step, { paging: grown(paging) }) };
}

function grown(paging: Paging): Paging {
  const good = paging.good + 1;
  if (paging.perPage >= MAX_PER_PAGE) return good >= paging.growAfter ? FULL_PAGES : { ...paging, good };
  if (good < paging.growAfter) return { ...paging, good };
  return { ...paging, perPage: Math.min(MAX_PER_PAGE, paging.perPage * 2), good: 0 };
}

async function giveUpOnEntry<Item>(
  frame: Frame,
  question: Question<Item>,
  error: AppError,
  attempt: number,
): Promise<void> {
  try {
    if (attempt % DOUBTFUL_ATTEMPTS === 0 && (await answersElsewhere(question))) throw error;
    await giveUpWhereHopeless(frame, error, attempt, SEARCH_ATTEMPTS);
  } catch {
    throw new AppError(
      'intercom_search_incomplete',
      'never',
      `Intercom answers, but not this page, not even with one entry (${error.message}): the object at this place may be ` +
        'too large or broken. Ask Intercom',
      { cause: error },
    );
  }
}

/** Whether the same search shows its first entry: if not, searches fail, and no object is to blame. */
async function answersElsewhere<Item>({ ask, search }: Question<Item>): Promise<boolean> {
  if (search.cursor === null) return false;
  try {
    await ask({ ...search, cursor: null, perPage: 1 });
    return true;
  } catch {
    return false;
  }
}
