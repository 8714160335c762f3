import type { Predicates } from '../tables/describe-table.js';

/**
 * How an engine writes what engines write differently. Everything else is one text: `@name` stands for a value that is
 * bound by its name.
 */
export interface Dialect extends Predicates {
  /** The column is one of the texts of the list that is bound as `name`. */
  readonly inList: (column: string, name: string) => string;
  /** The texts of all rows as one, with commas between them and in any order; null where there is no row. */
  readonly joinTexts: (text: string) => string;
  /**
   * There is such a row: `from … where …`, which names columns of the row that is asked about.
   * @param askedFor `page`: of the few rows that a page meets · `all`: of all there are
   */
  readonly exists: (from: string, askedFor: 'page' | 'all') => string;
  /**
   * The column's value is in that column of one of the rows `from … where …`. They are found once, whatever else is asked
   * of the row with the first column.
   */
  readonly isAmong: (column: string, other: string, from: string) => string;
  /** A column that leads from a row that was found to the rest of it on the shortest way. */
  readonly rowKey: string;
  /** Joins, and finds the rows on the left first. */
  readonly joinInOrder: string;
  /** Behind the name of a table: reads it by this index, where the engine would take another and can be told. */
  readonly byIndex: (index: string) => string;
  /** The statement that answers what `ReportStore.dataVersion` promises, as one text. */
  readonly dataVersion: string;
  /**
   * A statement that answers another value as soon as anybody has committed anything, quicker than what it saves: the
   * coaches are then not read for each question. Null where there is none.
   */
  readonly commitMark: string | null;
}
