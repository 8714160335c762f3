import type { Freshness } from '../../store/ports/queries.js';
import { Instant, zoneText } from './when.js';

/** How current the figures are: said on every page that has some. */
export function FreshnessLine({ freshness, zone }: { readonly freshness: Freshness; readonly zone: string }) {
  const { appliedAt, sweptAt, completeAt } = freshness;
  return (
    <dl class="freshness">
      <div>
        <dt>Last update from Intercom</dt>
        <dd>
          <Instant at={appliedAt} zone={zone} precision="second" />
        </dd>
      </div>
      <div>
        <dt>Last check</dt>
        <dd>
          <Instant at={sweptAt} zone={zone} />
        </dd>
      </div>
      <div>
        <dt>Totals verified</dt>
        <dd>
          <Instant at={completeAt} zone={zone} />
        </dd>
      </div>
      <div>
        <dt>Time zone</dt>
        <dd>{zoneText(zone)}</dd>
      </div>
    </dl>
  );
}
