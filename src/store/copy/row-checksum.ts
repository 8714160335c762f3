import { createHash } from 'node:crypto';

/** A value as both engines hand it over: booleans as 0 and 1, JSON as it was written. */
export type CopiedValue = string | number | Buffer | null;

export interface Checksum {
  readonly add: (row: readonly CopiedValue[]) => void;
  /** Of all rows so far, in their order. */
  readonly result: () => { readonly rows: number; readonly checksum: string };
}

/** Tells the rows of two tables apart, whichever values they have. */
export function createChecksum(): Checksum {
  const hash = createHash('sha256');
  let rows = 0;
  return {
    add: (row) => {
      rows += 1;
      // JSON says where a value ends, and a text from a number.
      hash.update(
        JSON.stringify(row.map((value) => (Buffer.isBuffer(value) ? { bytes: digest(value) } : value))),
      );
    },
    result: () => ({ rows, checksum: hash.copy().digest('hex') }),
  };
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
