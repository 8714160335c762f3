import type { z } from 'zod';

/** The rows of a report as a table: `row` names the columns, `batches` reads the rows as they are needed. */
export interface Table {
  readonly row: z.ZodObject;
  batches(): AsyncIterable<readonly Readonly<Record<string, unknown>>[]>;
}
