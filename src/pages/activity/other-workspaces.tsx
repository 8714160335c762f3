import type { OtherWorkspaces } from '../../store/ports/queries.js';
import { countOf } from '../parts/numbers.js';
import { Notice } from '../parts/notice.js';
import { Instant } from '../parts/when.js';

interface OtherWorkspacesNoticeProps {
  readonly others: OtherWorkspaces | null;
  readonly zone: string;
}

/** Says that another workspace's notifications arrive here, and that nothing comes of them. */
export function OtherWorkspacesNotice({ others, zone }: OtherWorkspacesNoticeProps) {
  if (others === null) return null;
  const { count, lastAtMs, workspaces } = others;
  return (
    <Notice tone="watch" label="Notifications from other workspaces">
      <strong>{countOf(count, 'notification')} from other workspaces</strong> (
      {workspaces.map(({ id }) => id).join(', ')}), the last one{' '}
      <Instant at={Math.floor(lastAtMs / 1000)} zone={zone} />. They are counted and not used. Intercom sends
      the notifications of every workspace that has the app installed to this one address: uninstall the app
      there, or give each workspace an app and a service of its own.
    </Notice>
  );
}
