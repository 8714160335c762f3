import type { FieldProblem } from '../http/problem.js';
import type { Store } from '../store/ports/store.js';
import type { Freshness } from '../store/ports/queries.js';
import { csvPieces, type CsvPiece } from '../http/csv.js';
import { findExportPlace, writeWhole } from './export-file.js';
import type { PreparedReport, ReportContext } from './report.js';

/** How fresh the cache is; of the whole store, answers need only this. */
export type FreshnessStore = Pick<Store, 'freshness'>;

/** `{ generatedAt, asOf, timeZone, filters, … }`: what every answer of JSON begins with. */
export async function jsonAnswer(
  prepared: PreparedReport,
  context: ReportContext,
  store: FreshnessStore,
): Promise<object> {
  // Before the rows: they may be fresher than it says, never staler.
  const head = answerHead(prepared, context, await store.freshness());
  return { ...head, ...(await prepared.body()) };
}

function answerHead(
  { filters }: PreparedReport,
  { nowAt, timeZone }: ReportContext,
  freshness: Freshness,
): object {
  return { generatedAt: nowAt, asOf: asOf(freshness), timeZone, filters };
}

/** What every answer says of how fresh the cache is. */
export function asOf({ appliedAt, sweptAt, completeAt }: Freshness) {
  return { appliedAt, sweptAt, completeAt };
}

/** Makes the CSV of a report, each piece when the one before has been taken; here or elsewhere. */
export type MakeCsv = (prepared: PreparedReport, context: ReportContext) => AsyncGenerator<CsvPiece>;

/** Makes it in this thread. */
export const makeCsvHere: MakeCsv = (prepared, { timeZone }) =>
  csvPieces(prepared.table, { timeZone, bom: prepared.bom });

/** `billing-2026-09-as-of-2026-10-15.csv`: what it is, and of which day. */
export function csvFileName({ report, fileLabel }: PreparedReport, { todayOn }: ReportContext): string {
  const name = fileLabel === undefined ? report.name : `${report.name}-${fileLabel}-as-of`;
  return `${name}-${todayOn}.csv`;
}

export type ExportOutcome =
  | { readonly kind: 'ok'; readonly summary: object }
  | { readonly kind: 'wrong'; readonly problems: readonly FieldProblem[] };

/** Writes the CSV to `outputPath` below `exportDir`. */
export async function exportAnswer(
  prepared: PreparedReport,
  outputPath: string,
  context: ReportContext,
  deps: { readonly store: FreshnessStore; readonly makeCsv: MakeCsv; readonly exportDir: string },
): Promise<ExportOutcome> {
  const place = await findExportPlace(deps.exportDir, outputPath);
  if (place.kind === 'wrong') {
    return { kind: 'wrong', problems: [{ field: 'outputPath', message: place.message }] };
  }
  const head = answerHead(prepared, context, await deps.store.freshness());
  let total = 0;
  async function* countedBytes() {
    for await (const piece of deps.makeCsv(prepared, context)) {
      total += piece.rows;
      yield piece.bytes;
    }
  }
  const bytes = await writeWhole(place.path, countedBytes());
  return { kind: 'ok', summary: { ...head, total, outputPath, bytes } };
}
