import type { ErrorCode, RetryAdvice } from '../../errors.js';
import type { PageRequest, ReportStore } from '../../store/ports/reports.js';

/** Lists of the report store. */
export type ListName =
  'caseload' | 'sessions' | 'newParticipants' | 'billing' | 'engagement' | 'upcoming' | 'dataQuality';

/** Its other questions. */
export type QuestionName = Exclude<keyof ReportStore, ListName | 'close'>;

export type ThreadQuestion =
  | { readonly kind: 'count'; readonly list: ListName; readonly filter: never }
  | { readonly kind: 'page'; readonly list: ListName; readonly filter: never; readonly page: PageRequest }
  | { readonly kind: 'other'; readonly name: QuestionName; readonly args: never[] }
  | CsvQuestion
  /** The next piece of the CSV, or null behind the last one. */
  | { readonly kind: 'csvPiece'; readonly csv: number }
  /** Nobody wants the rest. */
  | { readonly kind: 'csvEnd'; readonly csv: number };

/** Begins a CSV, which the asker gives a number that no other one has had, and is answered with its first piece. */
export interface CsvQuestion {
  readonly kind: 'csv';
  readonly csv: number;
  readonly report: string;
  readonly given: Readonly<Record<string, unknown>>;
  readonly nowAt: number;
  readonly timeZone: string;
}

/** What goes to the thread that answers reports … */
export interface ThreadCall {
  readonly id: number;
  readonly question: ThreadQuestion;
}

/** … and what comes back. */
export type ThreadAnswer =
  | { readonly id: number; readonly kind: 'ok'; readonly result: unknown }
  | {
      readonly id: number;
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly retry: RetryAdvice;
      readonly message: string;
    }
  /** A defect, which the other side throws as it is. */
  | { readonly id: number; readonly kind: 'broken'; readonly error: unknown };
