import { z } from 'zod';
import type { FieldProblem } from '../../http/problem.js';
import type { PreparedReport, ReportContext } from '../../reports/report.js';
import { givenFields, type Sort, type TableAddress } from './address.js';
import { DEFAULT_ROWS, ROWS_PER_PAGE } from './filters.js';
import type { ReportColumn, ReportPage } from './report-page.js';
import { MAX_SORTED_ROWS, sortRows, type SortValue } from './rows.js';

/** Part of a report as one page of its table shows it. */
export interface ReadReport<Row> {
  readonly prepared: PreparedReport;
  readonly body: Readonly<Record<string, unknown>>;
  readonly rows: readonly Row[];
  readonly total: number;
  /** The rows are in another order than the report's own. */
  readonly isSorted: boolean;
  readonly canSort: boolean;
  readonly nextCursor: string | null;
  readonly rowsPerPage: number;
}

/** What an address asks for that cannot be answered; the page says it. */
export class WrongAddress extends Error {
  readonly problems: readonly FieldProblem[];

  constructor(problems: readonly FieldProblem[]) {
    super('the address of a page asks for something impossible');
    this.problems = problems;
  }
}

/** @throws WrongAddress */
export function prepareReport<Row>(
  page: ReportPage<Row>,
  fields: Readonly<Record<string, unknown>>,
  context: ReportContext,
  alsoWrong: readonly FieldProblem[] = [],
): PreparedReport {
  const given = { limit: String(DEFAULT_ROWS), ...fields, ...page.fixed };
  const preparation = page.report.prepare(given, context);
  const wrong = preparation.kind === 'wrong' ? preparation.problems : [];
  // All at once, each field once.
  const others = alsoWrong.filter(({ field }) => !wrong.some((problem) => problem.field === field));
  if (preparation.kind === 'wrong' || others.length > 0) throw new WrongAddress([...wrong, ...others]);
  return preparation.prepared;
}

/** @throws WrongAddress, or AppError `cursor_invalid` */
export async function readReport<Row>(
  page: ReportPage<Row>,
  address: TableAddress,
  context: ReportContext,
): Promise<ReadReport<Row>> {
  const columns = page.columns(context.timeZone);
  const { sort } = address;
  const given = givenFields(address.fields);
  const other = sort === null || isSame(sort, page.order) ? null : sort;
  const hasCursor = other === null && address.cursor !== null;
  const wrong = wrongTable(address, columns);
  const fields = hasCursor ? { ...given, cursor: address.cursor } : given;
  const prepared = prepareReport(page, fields, context, wrong);
  const body = await prepared.body();
  const total = Number(body['total']);
  const canSort = total <= MAX_SORTED_ROWS;
  const rowsPerPage = Number(address.fields.get('limit')?.[0] ?? DEFAULT_ROWS);
  const common = { prepared, body, total, canSort, rowsPerPage };
  if (other === null || !canSort) {
    const next = body['nextCursor'];
    const rows = z.array(page.row).parse(body[page.rowsIn]);
    return { ...common, rows, isSorted: false, nextCursor: typeof next === 'string' ? next : null };
  }
  const sorted = await sortRows(prepared, page.row, valueOf(columns, other), other.direction);
  const first = (address.page - 1) * rowsPerPage;
  const rows = sorted.slice(first, first + rowsPerPage).map(({ row }) => row);
  return { ...common, rows, isSorted: true, nextCursor: null };
}

export function valueOf<Row>(columns: readonly ReportColumn<Row>[], sort: Sort): (row: Row) => SortValue {
  return columns.find(({ key }) => key === sort.column)?.value ?? (() => null);
}

/** What the address asks of the table itself, and can't have. */
function wrongTable<Row>(address: TableAddress, columns: readonly ReportColumn<Row>[]): FieldProblem[] {
  const limits = ROWS_PER_PAGE.map(String);
  const problems: FieldProblem[] = [];
  if (address.fields.get('limit')?.every((limit) => limits.includes(limit)) === false) {
    problems.push({ field: 'limit', message: 'must be one of', allowed: limits });
  }
  const keys = columns.flatMap(({ key }) => key ?? []);
  if (address.sort !== null && !keys.includes(address.sort.column)) {
    problems.push({ field: 'sort', message: 'must be one of', allowed: keys });
  }
  return problems;
}

function isSame(one: Sort, other: Sort | null): boolean {
  return one.column === other?.column && one.direction === other.direction;
}
