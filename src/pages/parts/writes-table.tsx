import type { Child } from 'hono/jsx';
import type { Change } from '../../rules/facts.js';
import { AttributeText } from './attribute-value.js';
import { DataTable, type TableColumn } from './data-table.js';
import { durationText, Instant } from './when.js';

export interface ShownWrite extends Change {
  readonly id: number;
  readonly contactId: string;
  readonly causeKind: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly queuedAtMs: number;
  readonly settledAtMs: number | null;
}

interface WritesTableProps<Write extends ShownWrite> {
  readonly writes: readonly Write[];
  readonly zone: string;
  readonly caption: string;
  /** Whose it is; left out on a member's own page. */
  readonly member?: (write: Write) => Child;
}

const CAUSES: Readonly<Record<string, string>> = {
  notification: 'Intercom event',
  settle: 'Follow-up check',
  transition: 'Day rollover',
  backfill: 'First backfill',
  sweep: 'Check',
  sync: 'Sync',
  'write-back': 'Read before the update',
};

/** Writes with what they replaced, what caused them and what became of them: a row for what was decided together. */
export function WritesTable<Write extends ShownWrite>({
  writes,
  zone,
  caption,
  member,
}: WritesTableProps<Write>) {
  const columns: TableColumn<Together<Write>>[] = [
    {
      name: 'Time',
      cell: ({ first }) => (
        <Instant at={Math.floor(first.queuedAtMs / 1000)} zone={zone} precision="second" />
      ),
    },
    ...(member === undefined
      ? []
      : [{ name: 'Member', isRowHeader: true, cell: ({ first }: Together<Write>) => member(first) }]),
    { name: 'Changes', cell: ({ changes }) => <Changes changes={changes} zone={zone} /> },
    { name: 'Cause', cell: ({ first }) => CAUSES[first.causeKind] ?? first.causeKind },
    { name: 'Outcome', cell: ({ first }) => outcomeText(first) },
  ];
  return (
    <DataTable
      caption={caption}
      rows={groupWrites(writes)}
      empty="No updates yet."
      keyOf={({ first }) => `write-${first.id}`}
      columns={columns}
    />
  );
}

/** Changes of one member that were decided at once and share their fate; the first one speaks for all. */
interface Together<Write extends ShownWrite> {
  readonly first: Write;
  readonly changes: readonly Write[];
}

function groupWrites<Write extends ShownWrite>(writes: readonly Write[]): Together<Write>[] {
  const groups = new Map<string, Write[]>();
  for (const write of writes) {
    const { contactId, queuedAtMs, causeKind, outcome, reason, settledAtMs } = write;
    const key = JSON.stringify([contactId, queuedAtMs, causeKind, outcome, reason, settledAtMs]);
    groups.set(key, [...(groups.get(key) ?? []), write]);
  }
  return [...groups.values()].flatMap((changes) =>
    changes[0] === undefined
      ? []
      : [{ first: changes[0], changes: changes.toSorted((one, other) => one.id - other.id) }],
  );
}

/** What each value was and what it becomes. */
function Changes({ changes, zone }: { readonly changes: readonly Change[]; readonly zone: string }) {
  return (
    <ul class="changes">
      {changes.map(({ attribute, before, after }) => (
        <li>
          {attribute}: <AttributeText attribute={attribute} value={before} zone={zone} /> →{' '}
          <AttributeText attribute={attribute} value={after} zone={zone} />
        </li>
      ))}
    </ul>
  );
}

/** What has not reached Intercom, by outcome. */
export const WAITING: Readonly<Record<string, string>> = {
  waiting: 'Pending',
  held: 'Not sent (dry run)',
  parked: 'Failed, needs a retry',
};

function outcomeText({ outcome, reason, queuedAtMs, settledAtMs }: ShownWrite): string {
  if (outcome === 'sent' && settledAtMs !== null)
    return `Updated in ${durationText(settledAtMs - queuedAtMs)}`;
  if (outcome === 'superseded') return 'Replaced by a newer value';
  const said = WAITING[outcome] ?? outcome;
  return reason === null || outcome === 'held' ? said : `${said}: ${reason}`;
}
