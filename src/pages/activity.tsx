import type { Context } from 'hono';
import type { Clock } from '../clock.js';
import { isParkedPlace } from '../store/ports/queries.js';
import type { Breaker } from '../intercom/breaker.js';
import type { JobName, Run } from '../store/ports/runs.js';
import type { Store } from '../store/ports/store.js';
import { FoughtOverList } from './activity/fought-over.js';
import type { ShownTime } from '../watch/time-check.js';
import { NotificationsTable } from './activity/notifications.js';
import { OtherWorkspacesNotice } from './activity/other-workspaces.js';
import { ParkedWork } from './activity/parked.js';
import { GuardNotice, RunTable } from './activity/runs.js';
import { memberHref, runHref } from './addresses.js';
import { FormToken } from './layout.js';
import { LiveControls } from './live-controls.js';
import { BackfillNotice, failedFirstBackfill } from './parts/backfill-notice.js';
import { ClockNotice } from './parts/clock-notice.js';
import { FreshnessLine } from './parts/freshness.js';
import { countOf } from './parts/numbers.js';
import { Notice } from './parts/notice.js';
import { OutageNotice } from './parts/outage-notice.js';
import { SilenceNotice } from './parts/silence-notice.js';
import { Tiles } from './parts/tiles.js';
import { WritesTable } from './parts/writes-table.js';
import type { Render } from './render.js';
import { START_RUN_PATH, StartButton } from './start-run.js';

export interface ActivityPageDeps {
  readonly store: Pick<
    Store,
    | 'listRuns'
    | 'latestRun'
    | 'latestDoneRun'
    | 'recentNotifications'
    | 'recentWrites'
    | 'foughtOver'
    | 'readWorkspace'
    | 'otherWorkspaces'
    | 'parked'
    | 'replay'
    | 'backlog'
    | 'freshness'
  >;
  readonly clock: Clock;
  readonly time: ShownTime;
  readonly outage: Breaker['outage'];
  readonly timeZone: string;
  readonly render: Render;
}

/** Sweeps come every few minutes: on one list they would leave no room for the others. */
const SWEEPS: readonly JobName[] = ['sweep'];
const OTHERS: readonly JobName[] = [
  'backfill',
  'reconcile',
  'session-sync',
  'engagement-sync',
  'referral-sync',
];
const MAX_RUNS = 6;
const MAX = 25;
/** Pieces of parked work on one page. */
const MAX_PARKED = 50;

/** What the service is doing now and has done last; what is parked can be replayed. */
export async function showActivity(deps: ActivityPageDeps, context: Context): Promise<Response> {
  const { store, timeZone: zone } = deps;
  const nowMs = deps.clock.nowMs();
  const parkedAfter = placeIn(context.req.query('parkedAfter'));
  const [runs, notifications, writes, fights, parked, backlog, freshness, workspace, otherWorkspaces] =
    await Promise.all([
      recentRuns(store),
      store.recentNotifications(MAX, nowMs),
      store.recentWrites(MAX),
      store.foughtOver(MAX, nowMs),
      store.parked({ limit: MAX_PARKED + 1, after: parkedAfter }),
      store.backlog(nowMs),
      store.freshness(),
      store.readWorkspace(),
      store.otherWorkspaces(),
    ]);
  const guarded = stillGuarded(runs);
  const unfilled = await failedFirstBackfill(store);
  const replayed = Number(context.req.query('replayed') ?? '');
  return deps.render(context, {
    title: 'Activity',
    current: '/intercom/activity',
    liveEveryMs: 1000,
    body: (formToken) => (
      <>
        <div class="head">
          <h1>Activity</h1>
          <LiveControls />
        </div>
        {Number.isSafeInteger(replayed) && replayed > 0 && (
          <Notice tone="done" role="status">
            {countOf(replayed, 'failed update')} will be retried.
          </Notice>
        )}
        <form id="replay" method="post" action="/intercom/activity/replay">
          <FormToken value={formToken} />
        </form>
        <form id="start" method="post" action={START_RUN_PATH}>
          <FormToken value={formToken} />
        </form>
        <div id="activity" data-live>
          <BackfillNotice run={unfilled} zone={zone} />
          {workspace?.lacksTimeZone === true && (
            <Notice tone="watch" label="Time zone of the workspace">
              Intercom names no time zone of the workspace that is known here, so UTC is used when totals are
              compared. Dates of members are not concerned. It is set in Intercom under{' '}
              <em>Settings, Workspace, General</em>.
            </Notice>
          )}
          <ClockNotice time={deps.time} />
          <OutageNotice outage={deps.outage()} zone={zone} />
          <SilenceNotice freshness={freshness} zone={zone} />
          <OtherWorkspacesNotice others={otherWorkspaces} zone={zone} />
          {guarded !== undefined && (
            <GuardNotice run={guarded} zone={zone}>
              <p>
                <a href={runHref(guarded.id)}>What it would have updated</a>
              </p>
            </GuardNotice>
          )}
          <FreshnessLine freshness={freshness} zone={zone} />
          <Tiles
            label="Pending work"
            tiles={[
              { name: 'Pending notifications', count: backlog.notificationsWaiting },
              { name: 'Pending updates', count: backlog.writesWaiting },
              {
                name: 'Failed updates; need a retry',
                count: backlog.notificationsParked + backlog.writesParked + backlog.objectsParked,
                href: '#parked',
              },
              { name: 'Members in the cache', count: backlog.members },
              { name: 'Conversations in the cache', count: backlog.conversations },
            ]}
          />
          <div class="head">
            <h2 id="runs">Runs</h2>
            <div class="links">
              <StartButton mode="compare" label="Check for differences (no changes)" form="start" />
              <StartButton mode="write" label="Check and fix" form="start" />
            </div>
          </div>
          <RunTable runs={runs} zone={zone} />
          <h2 id="parked">Failed updates</h2>
          <ParkedWork
            parked={parked.slice(0, MAX_PARKED)}
            hasMore={parked.length > MAX_PARKED}
            isFirst={parkedAfter === null}
            zone={zone}
            formId="replay"
          />
          <FoughtOverList fights={fights} total={backlog.attributesFoughtOver} zone={zone} nowMs={nowMs} />
          <h2 id="writes">Recent updates</h2>
          <WritesTable
            writes={writes}
            zone={zone}
            caption="Attribute changes of all members, newest first"
            member={({ contactId, memberName }) => (
              <a href={memberHref(contactId)}>{memberName ?? contactId}</a>
            )}
          />
          <h2 id="notifications">Recent notifications</h2>
          <NotificationsTable notifications={notifications} zone={zone} />
        </div>
      </>
    ),
  });
}

/** Anything else means the first page. */
function placeIn(text: string | undefined): string | null {
  return text !== undefined && isParkedPlace(text) ? text : null;
}

async function recentRuns(store: Pick<Store, 'listRuns'>): Promise<Run[]> {
  const lists = await Promise.all(
    [SWEEPS, OTHERS].map((jobs) => store.listRuns({ jobs, limit: MAX_RUNS, after: null })),
  );
  return lists
    .flatMap(({ runs }) => runs)
    .toSorted((one, other) => other.startedAtMs - one.startedAtMs || (one.id < other.id ? 1 : -1));
}

/** A run that stopped before writing, as long as no later one of its kind has ended well. `runs` is newest first. */
function stillGuarded(runs: readonly Run[]): Run | undefined {
  const settled = new Set<JobName>();
  for (const run of runs) {
    if (run.status === 'guarded' && !settled.has(run.job)) return run;
    if (run.status === 'done' && run.params['dryRun'] !== true) settled.add(run.job);
  }
  return undefined;
}

/** Puts back what the form names: one piece, or everything that is parked. */
export async function replayParked(deps: ActivityPageDeps, context: Context): Promise<Response> {
  const { notification, write, contact, conversation, all } = await context.req.parseBody();
  const replayed = await deps.store.replay(
    all === 'yes'
      ? 'all'
      : {
          notifications:
            typeof notification === 'string' && /^\d+$/.test(notification) ? [Number(notification)] : [],
          writes: typeof write === 'string' ? [write] : [],
          objects: [
            ...(typeof contact === 'string' ? [{ kind: 'contact', id: contact } as const] : []),
            ...(typeof conversation === 'string'
              ? [{ kind: 'conversation', id: conversation } as const]
              : []),
          ],
        },
    deps.clock.nowMs(),
  );
  return context.redirect(`/intercom/activity?replayed=${replayed}#parked`, 303);
}
