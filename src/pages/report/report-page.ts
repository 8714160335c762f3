import type { Child } from 'hono/jsx';
import type { z } from 'zod';
import type { Report, ReportContext } from '../../reports/report.js';
import type { PagePath } from '../addresses.js';
import type { TableColumn } from '../parts/data-table.js';
import type { Sort } from './address.js';
import type { Filter } from './filters.js';
import type { SortValue } from './rows.js';

/** How a report is shown as a page. */
export interface ReportPage<Row> {
  readonly path: PagePath;
  readonly report: Report;
  /** Fields that this page always asks with. */
  readonly fixed?: Readonly<Record<string, string>>;
  /** Where the rows are in the report's answer. */
  readonly rowsIn: string;
  /** What the page shows of a row. */
  readonly row: z.ZodType<Row>;
  /** What a row is, for counting: "member". */
  readonly noun: string;
  readonly filters: readonly Filter[];
  readonly columns: (zone: string) => readonly ReportColumn<Row>[];
  /** The order that the report has by itself, where one column says it. */
  readonly order: Sort | null;
  /** Tiles and chart. */
  readonly above: (facts: AboveFacts) => Promise<Child>;
}

export interface ReportColumn<Row> extends Omit<TableColumn<Row>, 'sort'> {
  /** The name that the address sorts by; a column without one can't be sorted by. */
  readonly key?: string;
  readonly value?: (row: Row) => SortValue;
}

export interface AboveFacts {
  /** The report's answer to the address. */
  readonly body: Readonly<Record<string, unknown>>;
  /** The filters as the report understood them. */
  readonly filters: Readonly<Record<string, unknown>>;
  readonly context: ReportContext;
  /** The address of this page with one filter set to something else. */
  readonly hrefWith: (field: string, value: string) => string;
  /** The answer of the same report with some fields changed. */
  readonly ask: (fields: Readonly<Record<string, string>>) => Promise<Readonly<Record<string, unknown>>>;
}

/** One named count of an answer's `summary`. */
export function summaryCount(body: Readonly<Record<string, unknown>>, name: string): number {
  const { summary } = body;
  if (typeof summary !== 'object' || summary === null) return 0;
  return Number(Object.entries(summary).find(([key]) => key === name)?.[1] ?? 0);
}
