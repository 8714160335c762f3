import { z } from 'zod';
import type { ReportList } from '../store/ports/reports.js';
import type { PageQuery } from './answer-fields.js';
import { count } from './columns.js';
import type { Table } from './table.js';

/** A list of the store as a report shows it. */
export interface Listing<Row extends Readonly<Record<string, unknown>>> extends Table {
  count(): Promise<number>;
  page(query: PageQuery): Promise<{ readonly rows: Row[]; readonly nextCursor: string | null }>;
}

export function createListing<Filter, Stored, Row extends Readonly<Record<string, unknown>>>(
  list: ReportList<Filter, Stored>,
  filter: Filter,
  row: z.ZodObject,
  present: (stored: Stored) => Row,
): Listing<Row> {
  return {
    row,
    count: () => list.count(filter),
    page: async ({ limit, cursor }) => {
      const page = await list.page(filter, { limit, after: cursor ?? null });
      return { rows: page.rows.map(present), nextCursor: page.next };
    },
    async *batches() {
      for await (const batch of list.all(filter)) yield batch.map(present);
    },
  };
}

export const total = count.meta({ description: 'Rows on all pages together' });
export const nextCursor = z
  .string()
  .nullable()
  .meta({ description: 'cursor of the next page; null on the last one' });
