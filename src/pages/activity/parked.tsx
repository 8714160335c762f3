import { parkedPlace, type ParkedItem } from '../../store/ports/queries.js';
import { memberHref } from '../addresses.js';
import { DataTable } from '../parts/data-table.js';
import { Instant } from '../parts/when.js';

interface ParkedWorkProps {
  /** One page of it. */
  readonly parked: readonly ParkedItem[];
  /** There is a page behind this one. */
  readonly hasMore: boolean;
  readonly isFirst: boolean;
  readonly zone: string;
  /** The form that the buttons belong to; it stands outside, so that its token is not renewed every second. */
  readonly formId: string;
}

/** What failed for good and waits for a person, with its reason and a button that puts it back into the flow. */
export function ParkedWork({ parked, hasMore, isFirst, zone, formId }: ParkedWorkProps) {
  const last = parked.at(-1);
  if (last === undefined && isFirst) {
    return <p class="empty">No failed updates. What fails for good is listed here, with the reason.</p>;
  }
  return (
    <>
      <DataTable
        id="parked-work"
        caption="Failed updates, oldest first"
        rows={parked}
        empty="No more failed updates."
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
        <p>
          {!isFirst && <a href="/intercom/activity#parked">The oldest</a>}{' '}
          {hasMore && last !== undefined && (
            <a href={`/intercom/activity?parkedAfter=${encodeURIComponent(parkedPlace(last))}#parked`}>
              The next ones
            </a>
          )}
        </p>
        <button type="submit" form={formId} name="all" value="yes">
          Retry all
        </button>
      </div>
    </>
  );
}

function whatIsParked({ kind, id, topic, attributes }: ParkedItem) {
  if (kind === 'notification') return `Notification ${id}${topic === null ? '' : `: ${topic}`}`;
  if (kind === 'contact') return <>Contact {id}, which can’t be read</>;
  if (kind === 'conversation') return <>Conversation {id}, which can’t be read</>;
  return (
    <>
      Update of <a href={memberHref(id)}>{id}</a>: {attributes.join(', ')}
    </>
  );
}
