import type { ErrorCode, Retry } from '../../../errors.js';
import type { PageRequest, ReportStore } from '../../report-store.js';

/** Lists of the report store. */
export type ListName =
  'caseload' | 'sessions' | 'newParticipants' | 'billing' | 'engagement' | 'upcoming' | 'dataQuality';

/** Its other questions. */
export type QuestionName = Exclude<keyof ReportStore, ListName | 'close'>;

export type WorkerQuestion =
  | { readonly kind: 'count'; readonly list: ListName; readonly filter: never }
  | { readonly kind: 'page'; readonly list: ListName; readonly filter: never; readonly page: PageRequest }
  | { readonly kind: 'other'; readonly name: QuestionName; readonly args: never[] };

/** What goes to the thread that answers reports … */
export interface WorkerCall {
  readonly id: number;
  readonly question: WorkerQuestion;
}

/** … and what comes back. */
export type WorkerAnswer =
  | { readonly id: number; readonly kind: 'ok'; readonly result: unknown }
  | {
      readonly id: number;
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly retry: Retry;
      readonly message: string;
    }
  /** A defect, which the other side throws as it is. */
  | { readonly id: number; readonly kind: 'broken'; readonly error: unknown };
