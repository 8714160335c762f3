import type { Table } from '../http/table.js';
import type { z } from 'zod';
import type { FieldProblem } from '../http/problem.js';
import { dateOf } from '../rules/calendar.js';
import type { ReportStore } from '../store/ports/reports.js';
import { answerFields, type AnswerFields } from '../http/answer-fields.js';
import { readQuery, type QueryFields, type QueryOf } from '../http/read-query.js';
import { createDaysSinceOn, zoneTimeOf, type ZoneTime } from '../http/zone-time.js';

/** What every report is computed from, besides its query. */
export interface ReportContext {
  readonly store: ReportStore;
  readonly nowAt: number;
  readonly todayOn: string;
  /** Report time zone, IANA name. */
  readonly timeZone: string;
  /** The same zone, for rows. */
  readonly zoneTime: ZoneTime;
  /** Calendar days from a date until today. */
  readonly daysSinceOn: (on: string) => number;
  /** The same from the date of an instant. */
  readonly daysSinceAt: (at: number) => number;
}

export function reportContext(store: ReportStore, nowAt: number, timeZone: string): ReportContext {
  const todayOn = dateOf(nowAt, timeZone);
  const zoneTime = zoneTimeOf(timeZone);
  const daysSinceOn = createDaysSinceOn(todayOn);
  const daysSinceAt = (at: number): number => daysSinceOn(zoneTime.dateOf(at));
  return { store, nowAt, todayOn, timeZone, zoneTime, daysSinceOn, daysSinceAt };
}

/** The answer to one query, computed only as far as it is asked for. */
export interface ReportAnswer<Body> {
  /** The filters as they were understood, defaults filled in. */
  readonly filters: Readonly<Record<string, unknown>>;
  /** What belongs into the file name beside the report and today's date. */
  readonly fileLabel?: string;
  body(): Promise<Body>;
  readonly table: Table;
}

type BodyOf<Body extends z.ZodRawShape> = z.output<z.ZodObject<Body>>;

export interface ReportDefinition<Fields extends QueryFields, Body extends z.ZodRawShape> {
  readonly name: string;
  readonly title: string;
  /** What it is for, for people: one sentence. */
  readonly purpose: string;
  readonly path: string;
  readonly fields: Fields;
  /** The JSON answer after the parts that all answers begin with. */
  readonly body: Body;
  readonly row: z.ZodObject;
  /** `csv` for a report that is a file first of all. */
  readonly defaultFormat?: 'json' | 'csv';
  /** What is wrong between fields, or today. */
  check?(query: Partial<QueryOf<Fields & AnswerFields>>, context: ReportContext): readonly FieldProblem[];
  ask(query: QueryOf<Fields>, context: ReportContext): ReportAnswer<BodyOf<Body>>;
}

/** How the answer is to look; the same fields for every report. */
export interface Presentation {
  readonly format: 'json' | 'csv' | undefined;
  readonly bom: boolean;
  /** Where below `EXPORT_DIR` the CSV is to be written; only reports that have such a field. */
  readonly outputPath: string | undefined;
}

export interface PreparedReport extends Presentation, ReportAnswer<Readonly<Record<string, unknown>>> {
  readonly report: Report;
  /** What it was asked with: {@link Report.prepare} makes the same of it again, in another thread too. */
  readonly given: Readonly<Record<string, unknown>>;
  /** Everything that the answer depends on besides data and date, always in the same order. */
  readonly key: string;
}

export type Preparation =
  | { readonly kind: 'ok'; readonly prepared: PreparedReport }
  | { readonly kind: 'wrong'; readonly problems: readonly FieldProblem[] };

/** One report, ready to be asked. */
export interface Report {
  readonly name: string;
  readonly title: string;
  readonly purpose: string;
  readonly path: string;
  readonly defaultFormat: 'json' | 'csv';
  readonly fields: QueryFields;
  readonly body: z.ZodRawShape;
  readonly row: z.ZodObject;
  /** Reads what was given and says either all that is wrong with it, or how to get the answer. */
  prepare(given: Readonly<Record<string, unknown>>, context: ReportContext): Preparation;
}

export function createReport<Fields extends QueryFields, Body extends z.ZodRawShape>(
  definition: ReportDefinition<Fields, Body>,
): Report {
  const fields = { ...definition.fields, ...answerFields };
  const report: Report = {
    ...definition,
    defaultFormat: definition.defaultFormat ?? 'json',
    fields,
    prepare: (given, context) => {
      const reading = readQuery(fields, given, (query) => definition.check?.(query, context) ?? []);
      if (reading.kind === 'wrong') return reading;
      const { query } = reading;
      const { format, bom } = query;
      const outputPath: unknown = query['outputPath'];
      return {
        kind: 'ok',
        prepared: {
          ...definition.ask(query, context),
          report,
          given,
          format,
          bom,
          outputPath: typeof outputPath === 'string' ? outputPath : undefined,
          key: JSON.stringify(query),
        },
      };
    },
  };
  return report;
}
