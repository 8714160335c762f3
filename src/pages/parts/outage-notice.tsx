import type { Outage } from '../../intercom/circuit.js';
import { Notice } from './notice.js';
import { Instant } from './when.js';

interface OutageNoticeProps {
  readonly outage: Outage | null;
  readonly zone: string;
}

/** The alarm: Intercom does not answer, so nothing is written and nothing read. */
export function OutageNotice({ outage, zone }: OutageNoticeProps) {
  if (outage === null) return null;
  const { what, sinceMs, reason } = outage;
  const who = what === 'Intercom' ? 'Intercom does not answer' : `Intercom does not answer ${what}`;
  return (
    <Notice tone="problem" label="Intercom does not answer">
      <strong>
        {who} since <Instant at={Math.floor(sinceMs / 1000)} zone={zone} precision="second" />
      </strong>
      : {reason}. Webhooks are still stored and reports go on from what is known. Everything that waits goes
      out by itself as soon as Intercom answers; nothing has to be replayed.
    </Notice>
  );
}
