import type { Run } from '../../store/run-store.js';
import { countOf, countText } from '../parts/numbers.js';
import { Instant } from '../parts/when.js';

interface RunListProps {
  readonly runs: readonly Run[];
  readonly zone: string;
}

/** Runs with their progress: those under way first, then the last ones. */
export function RunList({ runs, zone }: RunListProps) {
  if (runs.length === 0) return <p class="empty">Nothing has run yet.</p>;
  const inOrder = runs.toSorted(
    (one, other) =>
      Number(other.status === 'running') - Number(one.status === 'running') ||
      other.startedAtMs - one.startedAtMs,
  );
  return (
    <>
      {inOrder.map((run) => (
        <RunItem run={run} zone={zone} />
      ))}
    </>
  );
}

function RunItem({ run, zone }: { readonly run: Run; readonly zone: string }) {
  const { progress } = run;
  return (
    <section class="run" data-key={`run-${run.id}`} data-status={run.status} aria-label={`Run ${run.id}`}>
      <p>
        <strong>{run.job}</strong>
        {run.params['dryRun'] === true && ' (dry run)'} · {STATUS[run.status]} · begun{' '}
        <Instant at={Math.floor(run.startedAtMs / 1000)} zone={zone} precision="second" />
        {run.finishedAtMs !== null && ` · took ${duration(run.finishedAtMs - run.startedAtMs)}`}
      </p>
      {run.status === 'running' && (
        <progress
          aria-label={`${run.job}: ${progress.phase}`}
          {...(progress.total === null
            ? {}
            : { value: Math.min(progress.done, progress.total), max: Math.max(1, progress.total) })}
        ></progress>
      )}
      <p>
        {run.status === 'running' &&
          `${progress.phase}, ${countText(progress.done)}${progress.total === null ? '' : ` of ${countText(progress.total)}`} · `}
        {countOf(progress.conversations, 'conversation')}, {countOf(progress.contacts, 'contact')},{' '}
        {countOf(progress.calls, 'call')} to Intercom
        {run.reason !== null && ` · ${run.reason}`}
      </p>
    </section>
  );
}

const STATUS = {
  running: 'running',
  done: 'done',
  failed: 'failed',
  guarded: 'stopped before writing',
} as const satisfies Record<Run['status'], string>;

function duration(ms: number): string {
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}
