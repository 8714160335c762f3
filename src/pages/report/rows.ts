import type { z } from 'zod';
import type { PreparedReport } from '../../reports/report.js';
import type { Sort } from './address.js';

export type SortValue = string | number | boolean | null;

/** A report in its own order can be as long as it likes; in another order all of its rows are read and sorted here. */
export const MAX_SORTED_ROWS = 5000;

/** A row as the page reads it, and as the report gave it. */
interface SortedRow<Row> {
  readonly row: Row;
  readonly given: Readonly<Record<string, unknown>>;
}

const COLLATOR = new Intl.Collator('en', { sensitivity: 'base', numeric: true });

/** All rows of the report in the wanted order, empty values last. For at most {@link MAX_SORTED_ROWS} of them. */
export async function sortRows<Row>(
  prepared: Pick<PreparedReport, 'table'>,
  schema: z.ZodType<Row>,
  valueOf: (row: Row) => SortValue,
  direction: Sort['direction'],
): Promise<SortedRow<Row>[]> {
  const rows: (SortedRow<Row> & { readonly value: SortValue })[] = [];
  for await (const batch of prepared.table.batches()) {
    for (const given of batch) {
      const row = schema.parse(given);
      rows.push({ row, given, value: valueOf(row) });
    }
  }
  const sign = direction === 'ascending' ? 1 : -1;
  return rows.sort(({ value: one }, { value: other }) => {
    if (one === null || other === null) return Number(one === null) - Number(other === null);
    return sign * compare(one, other);
  });
}

function compare(one: string | number | boolean, other: string | number | boolean): number {
  if (typeof one === 'string' && typeof other === 'string') return COLLATOR.compare(one, other);
  return Number(one) - Number(other);
}
