import { MAINTAINED_ATTRIBUTES } from '../rules/vocabulary.js';

/** How many rows more have to be read, so that {@link withWholeLast} finds what belongs to the last one. */
export const MAX_TOGETHER = MAINTAINED_ATTRIBUTES.length;

/**
 * The first `limit` rows, and those behind them that were decided together with the last one: half a decision would
 * say that an attribute changed alone.
 */
export function withWholeLast<Row>(
  rows: readonly Row[],
  limit: number,
  decisionOf: (row: Row) => { readonly contactId: string | null; readonly queuedAtMs: number },
): Row[] {
  const last = rows[limit - 1];
  if (last === undefined) return rows.slice(0, limit);
  const { contactId, queuedAtMs } = decisionOf(last);
  let end = limit;
  for (const row of rows.slice(limit)) {
    const other = decisionOf(row);
    if (other.contactId !== contactId || other.queuedAtMs !== queuedAtMs) break;
    end += 1;
  }
  return rows.slice(0, end);
}
