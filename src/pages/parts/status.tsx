import { ENGAGEMENT_STATUSES, canonical } from '../../rules/vocabulary.js';
import { Nothing } from './when.js';

const CLASSES = { Engaged: 'engaged', 'At Risk': 'at-risk', Unengaged: 'unengaged' } as const;

/** An Engagement Status as a small label: color never says it alone. */
export function StatusLabel({ status }: { readonly status: string | null }) {
  if (status === null) return <Nothing />;
  const known = canonical(ENGAGEMENT_STATUSES, status);
  return <span class={`label ${known === null ? '' : CLASSES[known]}`}>{status}</span>;
}
