import type { Freshness } from '../../store/ports/queries.js';
import { Notice } from './notice.js';
import { Instant } from './when.js';

interface SilenceNoticeProps {
  readonly freshness: Freshness;
  readonly zone: string;
}

/** The alarm: Intercom's webhooks have stopped coming although things have changed there. */
export function SilenceNotice({ freshness: { silentSinceAt }, zone }: SilenceNoticeProps) {
  if (silentSinceAt === null) return null;
  return (
    <Notice tone="problem" label="Webhooks have gone quiet">
      <strong>
        No webhook has come since <Instant at={silentSinceAt} zone={zone} />
      </strong>
      , although sweeps have found changes that Intercom should have told of. Until they come again, changes
      arrive with the next sweep only. Look at <em>Webhooks</em> in the Developer Hub: the address, the
      topics, and whether the subscription was switched off.
    </Notice>
  );
}
