import type { ParkedItem } from '../../store/look-store.js';
import { memberHref } from '../addresses.js';
import { DataTable } from '../parts/data-table.js';
import { countText } from '../parts/numbers.js';
import { Instant } from '../parts/when.js';

interface ParkedWorkProps {
  readonly parked: readonly ParkedItem[];
  readonly zone: string;
  /** The form that the buttons belong to; it stands outside, so that its token is not renewed every second. */
  readonly formId: string;
}

const MOST = 50;

/** What failed for good and waits for a person, with its reason and a button that puts it back into the flow. */
export function ParkedWork({ parked, zone, formId }: ParkedWorkProps) {
  if (parked.length === 0) {
    return <p class="empty">No failed updates. What fails for good is listed here, with the reason.</p>;
  }
  const left = parked.length - MOST;
  return (
    <>
      <DataTable
        id="parked-work"
        caption="Failed updates, oldest first"
        rows={parked.slice(0, MOST)}
        empty=""
        keyOf={({ kind, id }) => `${kind}-${id}`}
        columns={[
          { name: 'Since', cell: ({ sinceMs }) => <Instant at={Math.floor(sinceMs / 1000)} zone={zone} /> },
          { name: 'What', isRowHeader: true, cell: whatIsParked },
          { name: 'Why', width: 'wide', cell: ({ reason }) => reason },
          { name: 'Attempts', isNumber: true, cell: ({ attempts }) => attempts },
          {
            name: 'Retry',
            cell: ({ kind, id }) => (
              <button
                type="submit"
                class="quiet"
                form={formId}
                name={kind}
                value={id}
                aria-label={`Retry ${kind} ${id}`}
              >
                Retry
              </button>
            ),
          },
        ]}
      />
      <div class="below">
        <p>{left > 0 ? `${countText(left)} more not shown.` : ''}</p>
        <button type="submit" form={formId} name="all" value="yes">
          Retry all
        </button>
      </div>
    </>
  );
}

function whatIsParked({ kind, id, topic, attributes }: ParkedItem) {
  if (kind === 'notification') return `Notification ${id}${topic === null ? '' : `: ${topic}`}`;
  return (
    <>
      Update of <a href={memberHref(id)}>{id}</a>: {attributes.join(', ')}
    </>
  );
}
