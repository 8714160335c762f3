import type { OutboxRow } from './plan/rows.js';
import type { Cause } from './ports/changes.js';
import type { WaitingChange } from './ports/outbox.js';
import type { WriteRecord } from './ports/queries.js';
import type { Row } from './tables/describe-table.js';
import type { writes } from './tables/work-tables.js';

/** A change that was decided, as every engine stores it. */
export type WriteRow = Row<typeof writes>;

export function causeOf(row: WriteRow): Cause {
  return { kind: row.causeKind, ref: row.causeRef };
}

/** As people see it. `state`: that of the contact's row in the outbox. */
export function outcomeOf(
  { outcome, parkedAtMs }: WriteRow,
  state: OutboxRow['state'] | null,
): WriteRecord['outcome'] {
  if (outcome !== 'waiting') return outcome;
  if (parkedAtMs !== null) return 'parked';
  return state === null || state === 'ready' ? outcome : state;
}

export function waitingChange({ id, attribute, before, after, isReplayed }: WriteRow): WaitingChange {
  return { writeId: id, attribute, before, after, isReplayed };
}
