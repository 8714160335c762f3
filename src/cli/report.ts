import type { Command } from 'commander';
import { nowAt, type Clock } from '../clock.js';
import { AppError } from '../errors.js';
import { jsonSchema } from '../http/openapi.js';
import type { FieldProblem } from '../http/problem.js';
import { makeCsvHere, exportAnswer, jsonAnswer, type FreshnessStore } from '../reports/answer.js';
import { REPORTS } from '../reports/catalog.js';
import { writeWhole } from '../reports/export-file.js';
import { readParameters } from '../http/read-request.js';
import { reportContext, type PreparedReport, type Report, type ReportContext } from '../reports/report.js';
import type { ReportStore } from '../store/ports/reports.js';

export interface ReportCommandDeps {
  readonly reports: ReportStore;
  readonly store: FreshnessStore;
  readonly clock: Clock;
  readonly timeZone: string;
  readonly exportDir: string;
  readonly stdout: NodeJS.WritableStream;
}

/** One report as the command line asks for it. */
export interface ReportRequest {
  readonly report: Report;
  readonly given: Readonly<Record<string, unknown>>;
  /** A file instead of standard output. */
  readonly out: string | undefined;
}

type Options = Readonly<Record<string, readonly string[] | string | boolean | undefined>>;

/** `report <name>`: options are the fields of the report in kebab-case, and may repeat where the field may. */
export function addReportCommand(program: Command, run: (request: ReportRequest) => Promise<void>): void {
  const command = program
    .command('report')
    .description(
      'answer a report from the database file, as JSON or with --csv; needs no access to Intercom',
    );
  for (const report of REPORTS) {
    const subcommand = command.command(report.name).description(report.purpose);
    for (const [field, schema] of Object.entries(report.fields)) {
      const { type, description } = jsonSchema(schema, 'input');
      const flag = optionOf(field);
      const meaning = typeof description === 'string' ? description : '';
      if (type === 'boolean') subcommand.option(flag, meaning);
      // Every value is kept, so that the field itself can say that it takes only one.
      else subcommand.option(`${flag} <value>`, meaning, collect);
    }
    subcommand
      .option('--csv', 'the same as --format csv')
      .option('--out <file>', 'write to this file instead of standard output')
      .action((options: Options) => run(readOptions(report, options)));
  }
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

function readOptions(report: Report, { csv, out, ...options }: Options): ReportRequest {
  const parameters = Object.entries(options).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => [name, String(one)] as const),
  );
  if (csv === true) parameters.push(['format', 'csv']);
  return { report, given: readParameters(parameters), out: typeof out === 'string' ? out : undefined };
}

/** @throws AppError `bad_request` that names every wrong option, or `cursor_invalid`. */
export async function runReport(request: ReportRequest, deps: ReportCommandDeps): Promise<void> {
  const context = reportContext(deps.reports, nowAt(deps.clock), deps.timeZone);
  const preparation = request.report.prepare(request.given, context);
  if (preparation.kind === 'wrong') throw wrongUse(preparation.problems);
  const pieces = answerPieces(preparation.prepared, context, deps);
  if (request.out === undefined) await print(pieces, deps.stdout);
  else await writeWhole(request.out, pieces);
}

async function* answerPieces(
  prepared: PreparedReport,
  context: ReportContext,
  deps: ReportCommandDeps,
): AsyncGenerator<string | Uint8Array> {
  const { outputPath, report } = prepared;
  if (outputPath !== undefined) {
    const outcome = await exportAnswer(prepared, outputPath, context, { ...deps, makeCsv: makeCsvHere });
    if (outcome.kind === 'wrong') throw wrongUse(outcome.problems);
    yield asText(outcome.summary);
  } else if ((prepared.format ?? report.defaultFormat) === 'csv') {
    for await (const { bytes } of makeCsvHere(prepared, context)) yield bytes;
  } else {
    yield asText(await jsonAnswer(prepared, context, deps.store));
  }
}

function asText(answer: object): string {
  return `${JSON.stringify(answer, null, 2)}\n`;
}

/** Writes no faster than the reader reads. One that has read enough (`| head`) ends it, and that is no failure. */
async function print(
  pieces: AsyncIterable<string | Uint8Array>,
  stdout: NodeJS.WritableStream,
): Promise<void> {
  // The write that failed rejects; this only keeps the event of the same failure from ending the process.
  const ignore = (): void => undefined;
  stdout.on('error', ignore);
  try {
    for await (const piece of pieces) await write(stdout, piece);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error;
  } finally {
    stdout.off('error', ignore);
  }
}

function write(stdout: NodeJS.WritableStream, piece: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stdout.write(piece, (error) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
}

function wrongUse(problems: readonly FieldProblem[]): AppError {
  const lines = problems.map(({ field, message }) => `${optionOf(field)} ${message}`);
  return new AppError('bad_request', 'never', lines.join('\n'));
}

/** `lookbackDays` → `--lookback-days`. */
function optionOf(field: string): string {
  return `--${field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
