import { subjectOf, type CacheChange } from '../ports/changes.js';
import type { Subject } from '../ports/subject.js';
import { createDraft } from './draft.js';
import { learnChange } from './learn.js';
import { nothingLearned } from './learned.js';
import type { CacheSlice } from './slice.js';

/** Something that the cache does not know yet, and whom it concerns. */
export interface News {
  readonly change: CacheChange;
  readonly subject: Subject;
  readonly contactIds: readonly string[];
}

/** Which of the changes, each taken by itself, tell something new; `known`: what the others are about. */
export function findNews(
  slice: CacheSlice,
  changes: readonly CacheChange[],
  nowMs: number,
): { readonly news: readonly News[]; readonly known: readonly Subject[] } {
  const news: News[] = [];
  const known: Subject[] = [];
  for (const change of changes) {
    const learned = nothingLearned();
    learnChange(createDraft(slice), learned, change, nowMs);
    if (learned.news === 0 && learned.undecided.size === 0) known.push(subjectOf(change));
    else news.push({ change, subject: subjectOf(change), contactIds: [...learned.affected] });
  }
  return { news, known };
}
