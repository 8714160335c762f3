import type { ShownTime } from '../../watch/time-check.js';
import { Notice } from './notice.js';

/** Says that nothing is decided by today's date, because today's date can't be right. */
export function ClockNotice({ time }: { readonly time: ShownTime }) {
  if (time.isTrusted()) return null;
  const aheadMs = time.aheadMs();
  return (
    <Notice tone="problem" label="The clock is wrong">
      <strong>
        The clock of the machine that runs this service is {distance(Math.abs(aheadMs))}{' '}
        {aheadMs > 0 ? 'ahead of' : 'behind'} Intercom’s.
      </strong>{' '}
      Engagement Status is not changed until they agree; everything else goes on. Days on these pages are
      counted by the wrong date. Set the clock, and let it be set from the network (NTP).
    </Notice>
  );
}

function distance(ms: number): string {
  const hours = Math.round(ms / 3_600_000);
  return hours < 48 ? `${Math.max(1, hours)} hours` : `${Math.round(hours / 24)} days`;
}
