import type { PropsWithChildren } from 'hono/jsx';
import type { Run, RunProgress } from '../../store/ports/runs.js';
import { runHref } from '../addresses.js';
import { DataTable } from '../parts/data-table.js';
import { Notice } from '../parts/notice.js';
import { countOf, countText } from '../parts/numbers.js';
import { durationText, Instant } from '../parts/when.js';

interface RunsProps {
  readonly runs: readonly Run[];
  readonly zone: string;
}

/** What runs now, with its progress, and below it the runs that have ended, newest first. */
export function RunTable({ runs, zone }: RunsProps) {
  return (
    <>
      {runs
        .filter(({ status }) => status === 'running')
        .map((run) => (
          <RunProgressBar run={run} zone={zone} />
        ))}
      <DataTable
        id="ended-runs"
        caption="Completed runs, newest first"
        rows={runs.filter(({ status }) => status !== 'running')}
        empty="No run has completed yet."
        keyOf={({ id }) => `run-${id}`}
        columns={[
          { name: 'Run', isRowHeader: true, cell: (run) => <a href={runHref(run.id)}>{jobText(run)}</a> },
          {
            name: 'Started',
            cell: ({ startedAtMs }) => <Instant at={Math.floor(startedAtMs / 1000)} zone={zone} />,
          },
          { name: 'Duration', cell: tookText },
          { name: 'Outcome', cell: outcomeText },
          {
            name: 'Read',
            cell: ({ progress }) =>
              `${countOf(progress.conversations, 'conversation')}, ${countOf(progress.contacts, 'contact')}`,
          },
          { name: 'Calls', isNumber: true, cell: ({ progress }) => countText(progress.calls) },
        ]}
      />
    </>
  );
}

/** A run under way: what it does at the moment and how far it is. */
export function RunProgressBar({ run, zone }: { readonly run: Run; readonly zone: string }) {
  const { progress } = run;
  const total = progress.total === null ? '' : ` of ${countText(progress.total)}`;
  return (
    <section class="run" data-key={`run-${run.id}`} aria-label={`Run under way: ${jobText(run)}`}>
      <p>
        <a href={runHref(run.id)}>
          <strong>{jobText(run)}</strong>
        </a>{' '}
        · started <Instant at={Math.floor(run.startedAtMs / 1000)} zone={zone} precision="second" />
      </p>
      <progress aria-label={`${run.job}: ${progress.phase}`} {...barOf(progress)}></progress>
      <p>
        {progress.phase}, {countText(progress.done)}
        {total} · {countOf(progress.conversations, 'conversation')}, {countOf(progress.contacts, 'contact')},{' '}
        {countOf(progress.calls, 'call')} to Intercom
      </p>
    </section>
  );
}

/** A run that stopped by itself: somebody has to decide. */
export function GuardNotice({
  run,
  zone,
  children,
}: PropsWithChildren<{ readonly run: Run; readonly zone: string }>) {
  return (
    <Notice tone="problem" label="A run stopped before updating">
      <p>
        <strong>
          The {run.job} of <Instant at={Math.floor(run.startedAtMs / 1000)} zone={zone} /> stopped before
          updating:
        </strong>{' '}
        {run.reason}.
      </p>
      {children}
    </Notice>
  );
}

/** "reconcile", "session-sync (dry run)". */
export function jobText({ job, params }: Run): string {
  const notes = [params['dryRun'] === true ? 'dry run' : '', params['force'] === true ? 'forced' : ''];
  const said = notes.filter((note) => note !== '').join(', ');
  return said === '' ? job : `${job} (${said})`;
}

export function tookText({ startedAtMs, finishedAtMs }: Run): string | null {
  return finishedAtMs === null ? null : durationText(finishedAtMs - startedAtMs);
}

export function outcomeText({ status, reason, result, params, progress }: Run): string {
  if (status === 'guarded') return 'Stopped before updating';
  if (status === 'failed') return `Failed: ${reason ?? ''}`;
  if (status === 'running') return 'Running';
  const unread = progress.parked ?? 0;
  if (result === null)
    return unread === 0 ? 'Completed' : `Completed: ${countOf(unread, 'object')} could not be read`;
  const differ = result.changed === 1 ? 'differs' : 'differ';
  const isDry = params['dryRun'] === true;
  const { erased = 0 } = result;
  const lost = erased === 0 ? '' : `, ${isDry ? 'would erase' : 'erased'} ${countText(erased)}`;
  const note = isDry ? ', nothing was changed' : '';
  return `Completed: ${countText(result.changed)} of ${countOf(result.compared, 'member')} ${differ}${lost}${note}`;
}

function barOf({ done, total }: RunProgress): { readonly value?: number; readonly max?: number } {
  return total === null ? {} : { value: Math.min(done, total), max: Math.max(1, total) };
}
