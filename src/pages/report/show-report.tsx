import type { Context } from 'hono';
import { nowAt, type Clock } from '../../clock.js';
import { AppError } from '../../errors.js';
import type { Log } from '../../log.js';
import { csvFileName, type MakeCsv } from '../../reports/answer.js';
import { csvPieces } from '../../http/csv.js';
import { reportContext, type PreparedReport, type ReportContext } from '../../reports/report.js';
import type { Table } from '../../http/table.js';
import { answerCsv } from '../../http/answer-csv.js';
import type { ReportStore } from '../../store/ports/reports.js';
import type { Store } from '../../store/ports/store.js';
import { DataTable, type TableColumn } from '../parts/data-table.js';
import { FreshnessLine } from '../parts/freshness.js';
import { Notice } from '../parts/notice.js';
import { SilenceNotice } from '../parts/silence-notice.js';
import type { Render } from '../render.js';
import { givenFields, readTableAddress, tableHref, type Sort, type TableAddress } from './address.js';
import { Filters } from './filters.js';
import { Foot } from './foot.js';
import { prepareReport, readReport, valueOf, WrongAddress } from './read-report.js';
import type { ReportColumn, ReportPage } from './report-page.js';
import { sortRows } from './rows.js';
import { WrongValues } from './wrong-values.js';

export interface ReportPageDeps {
  readonly store: Pick<Store, 'freshness'>;
  readonly reports: ReportStore;
  readonly makeCsv: MakeCsv;
  readonly clock: Clock;
  readonly log: Log;
  readonly timeZone: string;
  readonly render: Render;
}

/** A report as a page: filters, tiles, chart, table. Its rows and figures are those of the API. */
export async function showReport<Row>(
  deps: ReportPageDeps,
  page: ReportPage<Row>,
  context: Context,
): Promise<Response> {
  return withProblems(deps, page, context, async () => {
    const address = readTableAddress(context.req.url);
    const { timeZone: zone, reports } = deps;
    const about = reportContext(reports, nowAt(deps.clock), zone);
    // Before the rows: they may be fresher than it says, never staler.
    const freshness = await deps.store.freshness();
    const read = await readReport(page, address, about);
    const choices = await reports.filterChoices();
    const above = await page.above({
      body: read.body,
      filters: read.prepared.filters,
      context: about,
      hrefWith: (field, value) =>
        tableHref({ ...address, fields: new Map(address.fields).set(field, [value]) }, { sort: null }),
      ask: (fields) => prepareReport(page, { ...givenFields(address.fields), ...fields }, about).body(),
    });
    const columns = page.columns(zone).map((column) => withSort(column, address, page.order, read.canSort));
    const { title, purpose } = page.report;
    return deps.render(context, {
      title,
      current: page.path,
      body: () => (
        <>
          <h1>{title}</h1>
          <p class="lead">{purpose}</p>
          <SilenceNotice freshness={freshness} zone={zone} />
          <Filters
            filters={page.filters}
            address={address}
            choices={choices}
            understood={read.prepared.filters}
          />
          {above}
          <DataTable
            id="rows"
            caption={`${title}, ${page.noun}s`}
            columns={columns}
            rows={read.rows}
            empty={`No ${page.noun}s match these filters.`}
          />
          <Foot page={page} address={address} read={read} />
          <FreshnessLine freshness={freshness} zone={zone} />
        </>
      ),
    });
  });
}

/** The whole table as CSV, in the order that the page shows. */
export async function downloadTable<Row>(
  deps: ReportPageDeps,
  page: ReportPage<Row>,
  context: Context,
): Promise<Response> {
  return withProblems(deps, page, context, async () => {
    const asked = readTableAddress(context.req.url);
    const about = reportContext(deps.reports, nowAt(deps.clock), deps.timeZone);
    const { prepared, isSorted } = await readReport(page, asked, about);
    const { sort } = asked;
    context.header('cache-control', 'no-store');
    return answerCsv(context, {
      fileName: csvFileName(prepared, about),
      make: () =>
        isSorted && sort !== null
          ? csvPieces(sortedTable(page, prepared, sort, about), {
              timeZone: deps.timeZone,
              bom: prepared.bom,
            })
          : deps.makeCsv(prepared, about),
      log: deps.log,
      about: { report: prepared.report.name },
    });
  });
}

/** The report's rows in the order of `sort`, all of them in one batch. */
function sortedTable<Row>(
  page: ReportPage<Row>,
  prepared: PreparedReport,
  sort: Sort,
  { timeZone }: ReportContext,
): Table {
  return {
    row: prepared.table.row,
    async *batches() {
      const value = valueOf(page.columns(timeZone), sort);
      const rows = await sortRows(prepared, page.row, value, sort.direction);
      yield rows.map(({ given }) => given);
    },
  };
}

/** What cannot be answered is said above the same filters, so that they can be fixed. */
async function withProblems<Row>(
  deps: ReportPageDeps,
  page: ReportPage<Row>,
  context: Context,
  answer: () => Promise<Response>,
): Promise<Response> {
  try {
    return await answer();
  } catch (error) {
    const isGone = error instanceof AppError && error.code === 'cursor_invalid';
    if (!isGone && !(error instanceof WrongAddress)) throw error;
    const problems = error instanceof WrongAddress ? error.problems : [];
    const wrong = new Set(problems.map(({ field }) => field));
    const asked = readTableAddress(context.req.url);
    const address = { ...asked, path: page.path, sort: wrong.has('sort') ? null : asked.sort };
    const choices = await deps.reports.filterChoices();
    return deps.render(context, {
      title: page.report.title,
      current: page.path,
      status: 400,
      body: () => (
        <>
          <h1>{page.report.title}</h1>
          <p class="lead">{page.report.purpose}</p>
          <Filters filters={page.filters} address={address} choices={choices} understood={{}} wrong={wrong} />
          {isGone ? (
            <Notice tone="problem" role="alert">
              This page of the table does not exist.{' '}
              <a href={tableHref(address, {})}>Begin again at the first one</a>, with the same filters.
            </Notice>
          ) : (
            <WrongValues problems={problems} filters={page.filters} address={asked} />
          )}
        </>
      ),
    });
  }
}

/** Gives the heading its link: the other direction where the table is in this order already. */
function withSort<Row>(
  column: ReportColumn<Row>,
  address: TableAddress,
  order: Sort | null,
  canSort: boolean,
): TableColumn<Row> {
  const { key } = column;
  const shown = canSort ? (address.sort ?? order) : order;
  const direction = key !== undefined && shown?.column === key ? shown.direction : null;
  if (key === undefined || (!canSort && direction === null)) return column;
  const next = direction === 'ascending' ? 'descending' : 'ascending';
  const href = canSort ? tableHref(address, { sort: { column: key, direction: next } }) : null;
  return { ...column, sort: { href, direction } };
}
