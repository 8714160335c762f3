import { Hono, type Context } from 'hono';
import { accepts } from 'hono/accepts';
import { nowAt, type Clock } from '../clock.js';
import { AppError } from '../errors.js';
import type { Log } from '../log.js';
import { answerProblem, refuseFields } from '../http/problem.js';
import type { ReportStore } from '../store/ports/reports.js';
import { csvFileName, exportAnswer, jsonAnswer, type FreshnessStore, type MakeCsv } from './answer.js';
import { REPORTS } from './catalog.js';
import { entityTag, matchesTag } from '../http/entity-tag.js';
import { readGiven } from '../http/read-request.js';
import { reportContext, type PreparedReport, type Report, type ReportContext } from './report.js';
import { answerCsv } from '../http/answer-csv.js';

export interface ReportDeps {
  readonly reports: ReportStore;
  readonly makeCsv: MakeCsv;
  readonly store: FreshnessStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Report time zone, IANA name. */
  readonly timeZone: string;
  /** `EXPORT_DIR`. */
  readonly exportDir: string;
}

const METHODS = 'GET, HEAD, POST';

/** Every report by GET and POST, under the same names. */
export function createReportRoutes(deps: ReportDeps): Hono {
  const routes = new Hono();
  for (const report of REPORTS) {
    routes.get(report.path, (context) => answerReport(context, report, deps));
    routes.post(report.path, (context) => answerReport(context, report, deps));
    routes.all(report.path, (context) => {
      context.header('allow', METHODS);
      return answerProblem(context, 405, `This address answers ${METHODS}.`);
    });
  }
  return routes;
}

async function answerReport(context: Context, report: Report, deps: ReportDeps): Promise<Response> {
  const about = reportContext(deps.reports, nowAt(deps.clock), deps.timeZone);
  const read = await readGiven(context);
  if (read.kind === 'wrong') return refuseFields(context, read.problems);
  const preparation = report.prepare(read.given, about);
  if (preparation.kind === 'wrong') return refuseFields(context, preparation.problems);
  const { prepared } = preparation;
  try {
    return prepared.outputPath === undefined
      ? await present(context, prepared, about, deps)
      : await writeExport(context, prepared, prepared.outputPath, about, deps);
  } catch (error) {
    if (error instanceof AppError && error.code === 'cursor_invalid') {
      return refuseFields(context, [
        { field: 'cursor', message: 'must be the nextCursor of a page with the same filters' },
      ]);
    }
    throw error;
  }
}

async function present(
  context: Context,
  prepared: PreparedReport,
  about: ReportContext,
  deps: ReportDeps,
): Promise<Response> {
  const format = prepared.format ?? preferredFormat(context, prepared.report);
  context.header('vary', 'Accept');
  context.header('cache-control', 'private, no-cache');
  if (context.req.method !== 'POST') {
    // Read before the rows: a tag must never promise more than they hold.
    const version = await deps.reports.dataVersion();
    const tag = entityTag([
      version,
      prepared.report.name,
      format,
      prepared.key,
      about.todayOn,
      about.timeZone,
    ]);
    context.header('etag', tag);
    if (matchesTag(context.req.header('if-none-match'), tag)) return context.body(null, 304);
  }
  if (format === 'json') return context.json(await jsonAnswer(prepared, about, deps.store));

  return answerCsv(context, {
    fileName: csvFileName(prepared, about),
    make: () => deps.makeCsv(prepared, about),
    log: deps.log,
    about: { report: prepared.report.name },
  });
}

async function writeExport(
  context: Context,
  prepared: PreparedReport,
  outputPath: string,
  about: ReportContext,
  deps: ReportDeps,
): Promise<Response> {
  if (context.req.method !== 'POST') {
    return refuseFields(context, [{ field: 'outputPath', message: 'writes a file: send it by POST' }]);
  }
  try {
    const outcome = await exportAnswer(prepared, outputPath, about, deps);
    return outcome.kind === 'ok' ? context.json(outcome.summary) : refuseFields(context, outcome.problems);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'file_unwritable') throw error;
    deps.log.error({ err: error, report: prepared.report.name }, 'a file could not be written');
    return answerProblem(context, 500, 'The file could not be written below EXPORT_DIR; the log says why.');
  }
}

/** `Accept` decides where the query doesn't; most clients name no preference. */
function preferredFormat(context: Context, { defaultFormat }: Report): 'json' | 'csv' {
  // A client that wants JSON of a report that is a file says so in the query: many send this header unasked.
  if (defaultFormat === 'csv') return 'csv';
  const type = accepts(context, {
    header: 'Accept',
    supports: ['application/json', 'text/csv'],
    default: 'application/json',
  });
  return type === 'text/csv' ? 'csv' : 'json';
}
