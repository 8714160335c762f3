import { countOf, countText } from '../parts/numbers.js';
import { tableHref, type TableAddress } from './address.js';
import type { ReadReport } from './read-report.js';
import type { ReportPage } from './report-page.js';
import { MAX_SORTED_ROWS } from './rows.js';

interface FootProps<Row> {
  readonly page: ReportPage<Row>;
  readonly address: TableAddress;
  readonly read: ReadReport<Row>;
}

/** Below a table: how many rows there are, the way to the others, and all of them as CSV. */
export function Foot<Row>({ page, address, read }: FootProps<Row>) {
  const { isSorted, nextCursor, total, rowsPerPage } = read;
  const shown = read.rows.length;
  const isFirst = isSorted ? address.page === 1 : address.cursor === null;
  const hasMore = isSorted ? address.page * rowsPerPage < total : nextCursor !== null;
  const nextHref = tableHref(address, isSorted ? { page: address.page + 1 } : { cursor: nextCursor });
  // With a byte order mark, or a spreadsheet takes it for another encoding: `MÃ¼ller`.
  const fields = new Map(address.fields).set('bom', ['true']);
  const csvHref = tableHref({ ...address, fields }, { path: `${page.path}.csv` });
  return (
    <div class="below">
      <p id="row-count">
        {shown === total ? countOf(total, page.noun) : `${countText(shown)} of ${countOf(total, page.noun)}`}
        {!read.canSort && `. Filter down to ${countText(MAX_SORTED_ROWS)} to sort by any column.`}
      </p>
      <nav class="links" aria-label="Pages of the table, download">
        {!isFirst && <a href={tableHref(address, {})}>First page</a>}
        {isSorted && address.page > 1 && (
          <a href={tableHref(address, { page: address.page - 1 })}>Previous page</a>
        )}
        {hasMore && (
          <a href={nextHref} rel="next">
            Next page
          </a>
        )}
        {total > 0 && (
          <a id="csv" href={csvHref} download>
            {total === 1 ? 'This row as CSV' : `All ${countText(total)} rows as CSV`}
          </a>
        )}
      </nav>
    </div>
  );
}
