import { parse } from 'csv-parse/sync';
import * as fc from 'fast-check';
import Papa from 'papaparse';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { instant } from '../src/http/columns.js';
import { csvPieces, type CsvPiece } from '../src/http/csv.js';
import { streamCsv } from '../src/http/answer-csv.js';

const row = z.object({
  name: z.string().nullable(),
  at: instant.nullable(),
  count: z.int(),
  isNew: z.boolean(),
  list: z.array(z.string()),
  buckets: z.object({ bucket_1: z.boolean() }),
});
type Row = z.output<typeof row>;

const PLAIN: Row = { name: 'Jane', at: null, count: 0, isNew: false, list: [], buckets: { bucket_1: true } };

const FIRST_PIECE: CsvPiece = { bytes: new TextEncoder().encode('first\n'), rows: 1 };

async function csvOf(batches: readonly (readonly Row[])[], bom = false): Promise<string> {
  const table = {
    row,
    async *batches() {
      yield* batches;
    },
  };
  const pieces: Uint8Array[] = [];
  for await (const { bytes } of csvPieces(table, { timeZone: 'America/New_York', bom })) pieces.push(bytes);
  return Buffer.concat(pieces).toString();
}

function readTwice(csv: string): { readonly one: unknown; readonly other: unknown } {
  return {
    one: parse(csv, { bom: true, relax_column_count: false, record_delimiter: '\r\n' }),
    other: Papa.parse(csv.replace(/\r\n$/, ''), { delimiter: ',', newline: '\r\n' }).data,
  };
}

test('columns are the scalars and lists of a row, and each key of an object; instants carry the offset of their season', async () => {
  const csv = await csvOf([
    [
      {
        ...PLAIN,
        at: Date.parse('2026-07-01T12:00:00Z') / 1000,
        count: -5,
        isNew: true,
        list: ['Phone', 'Email'],
      },
      { ...PLAIN, name: null, at: Date.parse('2026-12-01T02:00:00Z') / 1000 },
    ],
  ]);
  expect(csv).toBe(
    [
      'name,at,count,isNew,list,bucket_1',
      'Jane,2026-07-01T08:00:00-04:00,-5,true,"Phone; Email",true',
      ',2026-11-30T21:00:00-05:00,0,false,,true',
      '',
    ].join('\r\n'),
  );
});

test('without rows there is the header; the byte order mark comes once and first', async () => {
  expect(await csvOf([])).toBe('name,at,count,isNew,list,bucket_1\r\n');
  const csv = await csvOf([[PLAIN], [PLAIN]], true);
  expect(csv.startsWith('\uFEFFname,')).toBe(true);
  expect(csv.split('\uFEFF')).toHaveLength(2);
});

test.each([
  ['=1+1', "'=1+1"],
  ['+cmd|calc', "'+cmd|calc"],
  ['-Jane', "'-Jane"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\t=1', "'\t'=1"],
  ['\r=1', "'\r'=1"],
  ['\n=1', "'\n'=1"],
  ['\tx', "'\tx"],
  [' =1', "' =1"],
  ['"=1"', `'"=1"`],
  // A spreadsheet of a locale that parts cells by something else cuts here, and takes no notice of the quotes.
  ['a;=1+1;b', "a;'=1+1;b"],
  ['a; =1+1', "a;' =1+1"],
  ['a;"=1+1"', `a;'"=1+1"`],
  ['a;b;@x;;+y', "a;b;'@x;;'+y"],
  ['a\t-1', "a\t'-1"],
  ['a|＝1', "a|'＝1"],
  ['a,=1', "a,'=1"],
  ['a\r\n=1', "a\r\n'=1"],
  ['a;1;b = c', 'a;1;b = c'],
  ['＝1', "'＝1"],
  ['＠x', "'＠x"],
  ['-5', '-5'],
  ['+15551234', '+15551234'],
  ['-5.25', '-5.25'],
  ['-5-6', "'-5-6"],
  ['-', "'-"],
  ['Jane = Doe', 'Jane = Doe'],
  ["O'Brien", "O'Brien"],
])('a cell with %j reads %j', async (name, cell) => {
  const { one, other } = readTwice(await csvOf([[{ ...PLAIN, name }]]));
  const expected = [
    ['name', 'at', 'count', 'isNew', 'list', 'bucket_1'],
    [cell, '', '0', 'false', '', 'true'],
  ];
  expect(one).toEqual(expected);
  expect(other).toEqual(expected);
});

test('whatever the cells hold, two parsers read the same rows back, and no separator starts a formula', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.stringMatching(/^[=+\-@\t\r\n",;| 'a1＝＠😀é]{0,12}$/u),
  );
  const rows = fc.array(fc.record({ name: text, list: fc.array(text, { maxLength: 3 }) }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(rows, async (given) => {
      const csv = await csvOf([given.map((fields) => ({ ...PLAIN, ...fields }))]);
      const { one, other } = readTwice(csv);
      expect(other).toEqual(one);
      const cells = z.array(z.array(z.string())).parse(one).slice(1);
      expect(cells).toHaveLength(given.length);
      for (const [index, [name = '', , , , list = '']] of cells.entries()) {
        const fields = given[index];
        // Nothing but apostrophes is added.
        const bare = (value: string | undefined): string => (value ?? '').replaceAll("'", '');
        expect(bare(name)).toBe(bare(fields?.name));
        expect(bare(list)).toBe(bare(fields?.list.join('; ')));
        for (const cell of [name, list]) {
          expect(/^[=+\-@\t\r\n＝＋－＠]/.test(cell) && !/^[+-]?\d+(\.\d+)?$/.test(cell)).toBe(false);
        }
      }
      // As a spreadsheet sees the file that cuts at another separator and at each line, in quotes or not.
      for (const piece of csv.split(/[;|\t\r\n]/).map((part) => part.replace(/^[\s"]+/, ''))) {
        expect(/^[=+\-@＝＋－＠]/.test(piece) && !/^[+-]?\d+(\.\d+)?,/.test(piece)).toBe(false);
      }
    }),
    { numRuns: 500 },
  );
});

test('a piece is made only when it is taken, and no more once the reader has gone', async () => {
  const made: number[] = [];
  const end = { isReached: false };
  async function* pieces(): AsyncGenerator<CsvPiece> {
    try {
      for (let number = 0; number < 100; number += 1) {
        made.push(number);
        yield { bytes: new TextEncoder().encode(`${number}\n`), rows: 1 };
      }
    } finally {
      end.isReached = true;
    }
  }
  const stream = await streamCsv(pieces(), () => undefined);
  expect(made).toEqual([0]);
  const reader = stream.getReader();
  await reader.read();
  await reader.read();
  expect(made).toEqual([0, 1]);
  await reader.cancel();
  expect(end.isReached).toBe(true);
  expect(made).toHaveLength(2);
});

test('a failure on the way breaks the stream off; one at the beginning is the caller’s', async () => {
  const failure = new Error('the disk is gone');
  const broken: unknown[] = [];
  async function* lateFailure(): AsyncGenerator<CsvPiece> {
    yield FIRST_PIECE;
    throw failure;
  }
  const reader = (await streamCsv(lateFailure(), (error) => broken.push(error))).getReader();
  await reader.read();
  await expect(reader.read()).rejects.toBe(failure);
  expect(broken).toEqual([failure]);

  async function* earlyFailure(): AsyncGenerator<CsvPiece> {
    await Promise.reject(failure);
    yield FIRST_PIECE;
  }
  await expect(streamCsv(earlyFailure(), () => undefined)).rejects.toBe(failure);
});
