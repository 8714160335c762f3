import { stringify } from 'csv-stringify/sync';
import { z } from 'zod';
import { heldDateColumn, instant } from './columns.js';
import type { Table } from './table.js';
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

type Row = Readonly<Record<string, unknown>>;

interface Column {
  readonly name: string;
  readonly isInstant: boolean;
  readonly valueOf: (row: Row) => unknown;
}

const INSTANTS: ReadonlySet<unknown> = new Set([instant, heldDateColumn]);

const BYTE_ORDER_MARK = '\uFEFF';

/**
 * Where a spreadsheet may run what follows (full-width forms included): at the beginning of a cell, and after anything
 * at which it may part cells. In a locale that parts them by semicolons it takes no notice of quotes within what it
 * sees as a cell, so quoting alone does not help. Blanks and quotes before the formula change nothing.
 */
const FORMULA_STARTS = /(^|[,;|\t\r\n])(?=(?:[^\S\t\r\n]|["“”])*[=+\-@＝＋－＠])/g;
/** Blanks that a spreadsheet may pass over at the beginning of a cell. */
const HIDDEN_START = /^[\t\r\n]/;
const PLAIN_NUMBER = /^[+-]?\d+(?:\.\d+)?$/;

/** RFC 4180. Cells that some spreadsheets would cut at another separator or at a blank are quoted too. */
const FORMAT = { record_delimiter: 'windows', quoted_match: /[,;|\t\r\n]|^\s|\s$/ } as const;

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
      columns.map(({ valueOf, isInstant }) => cellOf(valueOf(row), isInstant, isoOf)),
    );
    yield { bytes: encoder.encode(head + stringify(cells, FORMAT)), rows: batch.length };
    head = '';
  }
  if (head !== '') yield { bytes: encoder.encode(head), rows: 0 };
}

/** Scalars and lists, in the order of the row's schema; an object, such as the buckets, has a column for each key. */
function columnsOf(row: z.ZodObject): Column[] {
  return Object.entries(row.shape).flatMap(([name, schema]) => {
    const inner = schema instanceof z.ZodNullable ? schema.unwrap() : schema;
    if (!(inner instanceof z.ZodObject)) {
      return [{ name, isInstant: INSTANTS.has(inner), valueOf: (one: Row) => one[name] }];
    }
    const valueIn = (one: Row, key: string): unknown => {
      const value = one[name];
      return typeof value === 'object' && value !== null ? Reflect.get(value, key) : null;
    };
    return Object.keys(inner.shape).map((key) => ({
      name: key,
      isInstant: false,
      valueOf: (one: Row) => valueIn(one, key),
    }));
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
  if (PLAIN_NUMBER.test(text)) return text;
  const defused = text.replace(FORMULA_STARTS, "$1'");
  return HIDDEN_START.test(defused) ? `'${defused}` : defused;
}
