import type { FoughtOver } from '../../store/ports/activity.js';
import { memberHref } from '../addresses.js';
import { DataTable } from '../parts/data-table.js';
import { Instant } from '../parts/when.js';

interface FoughtOverListProps {
  readonly fights: readonly FoughtOver[];
  /** How many there are in all. */
  readonly total: number;
  readonly zone: string;
  readonly nowMs: number;
}

/** Attributes that another system, or a person, changes back whenever this service writes them. Nothing when calm. */
export function FoughtOverList({ fights, total, zone, nowMs }: FoughtOverListProps) {
  if (fights.length === 0) return null;
  return (
    <>
      <h2 id="fought-over">Fought over</h2>
      <DataTable
        id="fought-over-list"
        caption="Attributes that somebody changes back whenever they are written; each write waits longer"
        rows={fights}
        empty=""
        keyOf={({ contactId, attribute }) => `fight-${contactId}-${attribute}`}
        columns={[
          { name: 'Since', cell: ({ sinceMs }) => <Instant at={Math.floor(sinceMs / 1000)} zone={zone} /> },
          {
            name: 'Member',
            isRowHeader: true,
            cell: ({ contactId, memberName }) => (
              <a href={memberHref(contactId)}>{memberName ?? contactId}</a>
            ),
          },
          { name: 'Attribute', cell: ({ attribute }) => attribute },
          { name: 'Changed back', isNumber: true, cell: ({ reversals }) => reversals },
          {
            name: 'Next write',
            cell: ({ untilMs }) =>
              untilMs > nowMs ? (
                <Instant at={Math.ceil(untilMs / 1000)} zone={zone} precision="second" />
              ) : (
                'quiet since the last one'
              ),
          },
        ]}
      />
      {total > fights.length && <p class="empty">{total - fights.length} more not shown.</p>}
    </>
  );
}
