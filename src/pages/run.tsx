import type { Context } from 'hono';
import type { Run } from '../store/ports/runs.js';
import type { Store } from '../store/ports/store.js';
import type { DriftList } from '../store/ports/sweeps.js';
import { GuardNotice, jobText, outcomeText, RunProgressBar, tookText } from './activity/runs.js';
import { memberHref, runHref } from './addresses.js';
import { FormToken } from './layout.js';
import { LiveControls } from './live-controls.js';
import { AttributeText } from './parts/attribute-value.js';
import { DataTable } from './parts/data-table.js';
import { Notice } from './parts/notice.js';
import { countOf, countText } from './parts/numbers.js';
import { Tiles, type Tile } from './parts/tiles.js';
import { Instant } from './parts/when.js';
import type { Render } from './render.js';
import { START_RUN_PATH, StartButton } from './start-run.js';

export interface RunPageDeps {
  readonly store: Pick<Store, 'findRun' | 'listDrift'>;
  readonly timeZone: string;
  readonly render: Render;
}

const ROWS = 100;

/** One run: how far it is, and what it found to differ. */
export async function showRun(
  deps: RunPageDeps,
  context: Context,
  id: string,
  notFound: () => Promise<Response>,
): Promise<Response> {
  const { store, timeZone: zone } = deps;
  const run = await store.findRun(id);
  if (run === null) return notFound();
  const after = context.req.query('after') ?? null;
  const drift = await store.listDrift({ runId: run.id, limit: ROWS, after });
  return deps.render(context, {
    title: `Run ${run.id}`,
    current: '/intercom/activity',
    ...(run.status === 'running' ? { liveEveryMs: 1000 } : {}),
    body: (formToken) => (
      <>
        <div class="head">
          <h1>Run: {jobText(run)}</h1>
          {run.status === 'running' && <LiveControls />}
        </div>
        {context.req.query('busy') === 'yes' && (
          <Notice tone="watch" role="status">
            Only one run can be at work at a time: this one was. Start yours again once it has ended.
          </Notice>
        )}
        <div id="run" data-live>
          <p class="lead">
            Started <Instant at={Math.floor(run.startedAtMs / 1000)} zone={zone} precision="second" />
            {run.finishedAtMs !== null && ` · duration ${tookText(run) ?? ''}`} · {outcomeText(run)}
          </p>
          {run.status === 'running' && <RunProgressBar run={run} zone={zone} />}
          {run.status === 'guarded' && (
            <GuardNotice run={run} zone={zone}>
              {run.job === 'reconcile' && <WriteAnyway formToken={formToken} />}
            </GuardNotice>
          )}
          <Tiles label="What the run found" tiles={tilesOf(run)} />
          {run.job !== 'backfill' && (
            <>
              <h2 id="drift">Differences</h2>
              <p class="lead">{driftText(run)}</p>
              <Drift run={run} drift={drift} zone={zone} />
              <DriftFoot run={run} drift={drift} after={after} />
            </>
          )}
        </div>
      </>
    ),
  });
}

/** Not one click away: it is what the guard is there to prevent. */
function WriteAnyway({ formToken }: { readonly formToken: string }) {
  return (
    <details>
      <summary>These changes are expected</summary>
      <form method="post" action={START_RUN_PATH}>
        <FormToken value={formToken} />
        <p>Intercom is read again, and everything that differs then is updated there.</p>
        <StartButton mode="force" label="Run again and update all" />
      </form>
    </details>
  );
}

interface DriftProps {
  readonly run: Run;
  readonly drift: DriftList;
  readonly zone: string;
}

/** What differs: which member, which attribute, Intercom's value, ours, why. */
function Drift({ run, drift, zone }: DriftProps) {
  return (
    <DataTable
      id="differences"
      caption="Differences between Intercom and the calculated values"
      rows={drift.differences}
      empty={noDifferencesText(run)}
      keyOf={({ contactId, attribute }) => `${contactId} ${attribute}`}
      columns={[
        {
          name: 'Member',
          isRowHeader: true,
          cell: ({ contactId, memberId }) => <a href={memberHref(contactId)}>{memberId}</a>,
        },
        { name: 'Attribute', cell: ({ attribute }) => attribute },
        {
          name: 'Intercom’s value',
          cell: ({ attribute, before }) => <AttributeText attribute={attribute} value={before} zone={zone} />,
        },
        {
          name: 'Calculated value',
          cell: ({ attribute, after }) => <AttributeText attribute={attribute} value={after} zone={zone} />,
        },
        { name: 'Why', width: 'wide', cell: ({ why }) => why },
      ]}
    />
  );
}

interface DriftFootProps {
  readonly run: Run;
  readonly drift: DriftList;
  readonly after: string | null;
}

function DriftFoot({ run, drift, after }: DriftFootProps) {
  if (drift.total === 0) return null;
  const shown = drift.differences.length;
  const href = runHref(run.id);
  return (
    <div class="below">
      <p id="row-count">
        {shown === drift.total ? '' : `${countText(shown)} of `}
        {countOf(drift.total, 'difference')}
      </p>
      <nav class="links" aria-label="Pages of the table, download">
        {after !== null && <a href={href}>First page</a>}
        {drift.next !== null && (
          <a href={`${href}?${new URLSearchParams({ after: drift.next }).toString()}`} rel="next">
            Next page
          </a>
        )}
        <a
          id="csv"
          href={`/API/intercom/runs/${encodeURIComponent(run.id)}/drift?format=csv&bom=true`}
          download
        >
          All {countText(drift.total)} differences as CSV
        </a>
      </nav>
    </div>
  );
}

function driftText({ status, params }: Run): string {
  const what = 'Differences between Intercom and the calculated values';
  if (status === 'guarded') return `${what}. Nothing was changed.`;
  if (params['dryRun'] === true) return `${what}. This is a dry run: nothing is changed.`;
  return `${what}, to be corrected in Intercom.`;
}

/** Nothing found says something only once members were compared. */
function noDifferencesText({ status, result }: Run): string {
  if (status === 'running') return 'Not compared yet.';
  if (result === null) return 'The run ended before everything was compared.';
  return result.compared === 0 ? 'No members were compared.' : 'No differences found.';
}

function tilesOf({ progress, result, status, params }: Run): Tile[] {
  const read = [
    { name: 'Conversations read', count: progress.conversations },
    { name: 'Contacts read', count: progress.contacts },
    ...((progress.parked ?? 0) === 0
      ? []
      : [
          {
            name: 'Objects that can’t be read',
            count: progress.parked ?? 0,
            note: 'parked',
            href: '/intercom/activity#parked',
          },
        ]),
  ];
  const isUndone = status === 'guarded' || params['dryRun'] === true;
  if (result === null) return [...read, { name: 'Calls to Intercom', count: progress.calls }];
  const { totals } = result;
  return [
    ...read,
    { name: 'Members compared', count: result.compared },
    { name: 'Members that differ', count: result.changed },
    {
      name: isUndone ? 'Members it would erase' : 'Members erased',
      count: result.erased ?? 0,
      note: 'gone from Intercom, or merged',
    },
    { name: 'Failed updates so far', count: result.failed, note: `${countText(result.parked)} need a retry` },
    ...(totals === null
      ? []
      : [
          {
            name: 'Members in Intercom',
            count: totals.contacts.intercom,
            note: `${countText(totals.contacts.cache)} in the cache`,
          },
          {
            name: 'Conversations in Intercom',
            count: totals.conversations.intercom,
            note: `${countText(totals.conversations.cache)} in the cache`,
          },
        ]),
  ];
}
