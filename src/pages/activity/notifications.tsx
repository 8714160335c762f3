import type { RecentNotification } from '../../store/ports/activity.js';
import { memberHref } from '../addresses.js';
import { DataTable } from '../parts/data-table.js';
import { Instant } from '../parts/when.js';

interface NotificationsTableProps {
  readonly notifications: readonly RecentNotification[];
  readonly zone: string;
}

const ORIGINS = {
  webhook: 'Intercom',
  settle: 'Follow-up check',
  reread: 'Read again',
} as const satisfies Record<RecentNotification['origin'], string>;

/** What came in last and what became of it. */
export function NotificationsTable({ notifications, zone }: NotificationsTableProps) {
  return (
    <DataTable
      caption="Notifications, newest first"
      rows={notifications}
      empty="No notifications yet. Intercom’s webhooks arrive at /webhooks/intercom."
      keyOf={({ id }) => `notification-${id}`}
      columns={[
        {
          name: 'Received',
          cell: ({ receivedAtMs }) => (
            <Instant at={Math.floor(receivedAtMs / 1000)} zone={zone} precision="second" />
          ),
        },
        { name: 'From', cell: ({ origin }) => ORIGINS[origin] },
        { name: 'Topic', cell: ({ topic }) => topic },
        { name: 'About', cell: aboutWhat },
        { name: 'Outcome', cell: outcomeText },
      ]}
    />
  );
}

function aboutWhat({ subject }: RecentNotification) {
  if (subject === null) return null;
  if (subject.kind === 'conversation') return `conversation ${subject.id}`;
  return (
    <>
      contact <a href={memberHref(subject.id)}>{subject.id}</a>
    </>
  );
}

function outcomeText({ status, attempts, reason }: RecentNotification): string {
  if (status === 'done') return 'Applied';
  if (status === 'ignored') return 'Ignored';
  if (status === 'parked') return `Failed, needs a retry: ${reason ?? ''}`;
  return attempts > 0 ? `Pending, tried ${attempts === 1 ? 'once' : `${attempts} times`}` : 'Pending';
}
