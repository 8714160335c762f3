import type { RecentNotification } from '../../store/activity-store.js';
import { Instant } from '../parts/when.js';

interface NotificationsTableProps {
  readonly notifications: readonly RecentNotification[];
  readonly zone: string;
}

const ORIGINS = {
  webhook: 'Intercom',
  settle: 'looked at again after a close',
  reread: 'read again',
} as const satisfies Record<RecentNotification['origin'], string>;

/** What came in last and what became of it. */
export function NotificationsTable({ notifications, zone }: NotificationsTableProps) {
  if (notifications.length === 0) return <p class="empty">Nothing has come in.</p>;
  return (
    <div class="scroll" tabindex={0} role="region" aria-label="Recent notifications">
      <table>
        <caption class="unseen">Notifications, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Received</th>
            <th scope="col">From</th>
            <th scope="col">Topic</th>
            <th scope="col">About</th>
            <th scope="col">Outcome</th>
          </tr>
        </thead>
        <tbody>
          {notifications.map((one) => (
            <tr data-key={`notification-${one.id}`}>
              <td>
                <Instant at={Math.floor(one.receivedAtMs / 1000)} zone={zone} precision="second" />
              </td>
              <td>{ORIGINS[one.origin]}</td>
              <td>{one.topic ?? '–'}</td>
              <td>{one.subject === null ? '–' : `${one.subject.kind} ${one.subject.id}`}</td>
              <td>{outcomeText(one)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function outcomeText({ status, attempts, reason }: RecentNotification): string {
  if (status === 'done') return 'applied';
  if (status === 'waiting' && attempts > 0) return `waiting, tried ${attempts} times`;
  return status === 'parked' ? `parked: ${reason ?? ''}` : status;
}
