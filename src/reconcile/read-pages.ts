import type { SearchPage } from '../intercom/search.js';
import { asking, enterPhase, type Frame, type Step } from './run-frame.js';

export interface ReadPage<Item> {
  readonly page: SearchPage<Item>;
  /** When the request was sent, milliseconds: what it shows may be older by the lag of the search index. */
  readonly sentAtMs: number;
  /** Where the run goes on when this page is stored. */
  readonly next: Step;
}

export interface PageRequest<Item> {
  readonly ask: () => Promise<SearchPage<Item>>;
  readonly counts: 'contacts' | 'conversations';
  readonly nextPhase: string;
  /** True when what comes behind this page is of no interest. */
  readonly isEnough?: (page: SearchPage<Item>) => boolean;
}

/** Asks for the page at which the step stands. */
export async function readPage<Item>(
  frame: Frame,
  step: Step,
  { ask, counts, nextPhase, isEnough }: PageRequest<Item>,
): Promise<ReadPage<Item>> {
  const sentAtMs = frame.deps.clock.nowMs();
  const page = await asking(frame, step, ask);
  const items = page.items.length;
  const { after } = step.checkpoint;
  // An empty page or a cursor that doesn't move would page for ever.
  const isLast =
    page.nextCursor === null || items === 0 || page.nextCursor === after || isEnough?.(page) === true;
  const done = step.progress.done + items;
  const read: Step = {
    checkpoint: { ...step.checkpoint, after: page.nextCursor },
    progress: {
      ...step.progress,
      phase: step.checkpoint.phase,
      done,
      total: Math.max(page.totalCount, done),
      [counts]: step.progress[counts] + items,
      calls: step.progress.calls + 1,
    },
  };
  return { page, sentAtMs, next: isLast ? enterPhase(read, nextPhase) : read };
}
