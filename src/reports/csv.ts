import { stringify } from 'csv-stringify/sync';
import { z } from 'zod';
import { instant } from './columns.js';
import type { Table } from './report.js';
import { zoneTimeOf } from './zone-time.js';

export interface CsvOptions {
  /** Report time zone: instants are written with its offset. */
  readonly timeZone: string;
  /** Begins with a byte order mark. */
  readonly bom: boolean;
}

/** Some lines of a CSV. */
export interface CsvPiece {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many of the lines are rows; the first piece begins with the header. */
  readonly rows: number;
}

interface Column {
  readonly name: string;
  readonly isInstant: boolean;
}

const BYTE_ORDER_MARK = '\uFEFF';

/** What a spreadsheet may run when a cell begins with it, full-width forms included. */
const FORMULA_START = /^[=+\-@\t\r\n＝＋－＠]/;
const PLAIN_NUMBER = /^[+-]?\d+(?:\.\d+)?$/;

/** RFC 4180. Cells that some spreadsheets would cut at a semicolon or a blank are quoted too. */
const FORMAT = { record_delimiter: 'windows', quoted_match: /[;\t\r\n]|^\s|\s$/ } as const;

/**
 * The table as CSV, in one piece for each batch of rows: the next batch is read when the piece has been taken. Without
 * rows there is the header alone.
 */
export async function* csvPieces(table: Table, { timeZone, bom }: CsvOptions): AsyncGenerator<CsvPiece> {
  const encoder = new TextEncoder();
  const columns = columnsOf(table.row);
  const { isoOf } = zoneTimeOf(timeZone);
  let head = (bom ? BYTE_ORDER_MARK : '') + stringify([columns.map(({ name }) => name)], FORMAT);
  for await (const batch of table.batches()) {
    const cells = batch.map((row) =>
      columns.map(({ name, isInstant }) => cellOf(row[name], isInstant, isoOf)),
    );
    yield { bytes: encoder.encode(head + stringify(cells, FORMAT)), rows: batch.length };
    head = '';
  }
  if (head !== '') yield { bytes: encoder.encode(head), rows: 0 };
}

/** Scalars and lists, in the order of the row's schema; objects have no place in a cell. */
function columnsOf(row: z.ZodObject): Column[] {
  return Object.entries(row.shape).flatMap(([name, schema]) => {
    const inner = schema instanceof z.ZodNullable ? schema.unwrap() : schema;
    return inner instanceof z.ZodObject ? [] : [{ name, isInstant: inner === instant }];
  });
}

function cellOf(value: unknown, isInstant: boolean, isoOf: (at: number) => string): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return isInstant ? isoOf(value) : String(value);
  if (typeof value === 'boolean') return String(value);
  return defuse(Array.isArray(value) ? value.join('; ') : typeof value === 'string' ? value : '');
}

/** An apostrophe makes a spreadsheet show a formula instead of running it; numbers stay numbers. */
function defuse(text: string): string {
  return FORMULA_START.test(text) && !PLAIN_NUMBER.test(text) ? `'${text}` : text;
}
