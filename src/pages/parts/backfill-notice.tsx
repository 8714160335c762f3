import type { Run } from '../../store/ports/runs.js';
import type { Store } from '../../store/ports/store.js';
import { Notice } from './notice.js';
import { Instant } from './when.js';

/** The newest try of the first backfill, when it failed. */
export async function failedFirstBackfill(
  store: Pick<Store, 'latestRun' | 'latestDoneRun'>,
): Promise<Run | null> {
  const latest = await store.latestRun('backfill');
  if (latest?.status !== 'failed' || (await store.latestDoneRun(['backfill'])) !== null) return null;
  return latest;
}

/** Until the first backfill is done the cache does not know what it does not know. */
export function BackfillNotice({ run, zone }: { readonly run: Run | null; readonly zone: string }) {
  if (run === null) return null;
  return (
    <Notice tone="problem" label="The first backfill has failed">
      <p>
        <strong>The first backfill has failed</strong>, last the one of{' '}
        <Instant at={Math.floor(run.startedAtMs / 1000)} zone={zone} />: {run.reason}. The service keeps
        trying. Until it is done, reports lack what is not in the cache, and no date in Intercom is moved
        back.
      </p>
    </Notice>
  );
}
