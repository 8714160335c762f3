import type { Context } from 'hono';
import type { Clock } from '../clock.js';
import type { Breaker } from '../intercom/breaker.js';
import type { JobName, Run } from '../store/run-store.js';
import type { Store } from '../store/store.js';
import { NotificationsTable } from './activity/notifications.js';
import { ParkedWork } from './activity/parked.js';
import { GuardNotice, Runs } from './activity/runs.js';
import { memberHref, runHref } from './addresses.js';
import { FormToken } from './layout.js';
import { LiveControls } from './live-controls.js';
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
    'listRuns' | 'recentNotifications' | 'recentWrites' | 'parked' | 'replay' | 'backlog' | 'freshness'
  >;
  readonly clock: Clock;
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
const MOST_RUNS = 6;
const MOST = 25;

/** What the service is doing now and has done last; what is parked can be replayed. */
export async function showActivity(deps: ActivityPageDeps, context: Context): Promise<Response> {
  const { store, timeZone: zone } = deps;
  const nowMs = deps.clock.nowMs();
  const [runs, notifications, writes, parked, backlog, freshness] = await Promise.all([
    recentRuns(store),
    store.recentNotifications(MOST, nowMs),
    store.recentWrites(MOST),
    store.parked(),
    store.backlog(nowMs),
    store.freshness(),
  ]);
  const guarded = stillGuarded(runs);
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
            {countOf(replayed, 'piece')} of parked work went back into the flow.
          </Notice>
        )}
        <form id="replay" method="post" action="/intercom/activity/replay">
          <FormToken value={formToken} />
        </form>
        <form id="start" method="post" action={START_RUN_PATH}>
          <FormToken value={formToken} />
        </form>
        <div id="activity" data-live>
          <OutageNotice outage={deps.outage()} zone={zone} />
          <SilenceNotice freshness={freshness} zone={zone} />
          {guarded !== undefined && (
            <GuardNotice run={guarded} zone={zone}>
              <p>
                <a href={runHref(guarded.id)}>What it would have changed</a>
              </p>
            </GuardNotice>
          )}
          <FreshnessLine freshness={freshness} zone={zone} />
          <Tiles
            label="What waits"
            tiles={[
              { name: 'Notifications waiting', count: backlog.notificationsWaiting },
              { name: 'Writes waiting', count: backlog.writesWaiting },
              { name: 'Parked', count: parked.length, href: '#parked' },
              { name: 'Members in the cache', count: backlog.members },
              { name: 'Conversations in the cache', count: backlog.conversations },
            ]}
          />
          <div class="head">
            <h2 id="runs">Runs</h2>
            <div class="links">
              <StartButton mode="compare" label="Compare all with Intercom" form="start" />
              <StartButton mode="write" label="Reconcile now" form="start" />
            </div>
          </div>
          <Runs runs={runs} zone={zone} />
          <h2 id="parked">Parked work</h2>
          <ParkedWork parked={parked} zone={zone} formId="replay" />
          <h2 id="writes">Recent writes</h2>
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

async function recentRuns(store: Pick<Store, 'listRuns'>): Promise<Run[]> {
  const lists = await Promise.all(
    [SWEEPS, OTHERS].map((jobs) => store.listRuns({ jobs, limit: MOST_RUNS, after: null })),
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
  const { notification, write, all } = await context.req.parseBody();
  const replayed = await deps.store.replay(
    all === 'yes'
      ? 'all'
      : {
          notifications:
            typeof notification === 'string' && /^\d+$/.test(notification) ? [Number(notification)] : [],
          writes: typeof write === 'string' ? [write] : [],
        },
  );
  return context.redirect(`/intercom/activity?replayed=${replayed}#parked`, 303);
}
