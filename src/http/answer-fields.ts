import { flag, optionalChoice, optionalText, wholeNumber } from './query-fields.js';

/** Fields of every report: how the answer is to look. */
export const answerFields = {
  format: optionalChoice(['json', 'csv'], 'json or csv; without it the Accept header decides'),
  bom: flag('CSV begins with a byte order mark, which some spreadsheets need to read UTF-8'),
} as const;
export type AnswerFields = typeof answerFields;

/** Fields of every report that lists rows by pages. */
export const pageFields = {
  limit: wholeNumber({ min: 1, max: 5000 }, 1000, 'Most rows of one JSON page; CSV always holds all rows'),
  cursor: optionalText(2000, 'nextCursor of the page before'),
} as const;

export interface PageQuery {
  readonly limit: number;
  readonly cursor: string | undefined;
}
