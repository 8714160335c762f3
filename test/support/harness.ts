import { copyEmptyDatabase, EMPTY_TIME_ZONE } from './empty-database.js';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hono } from 'hono';
import { setupServer } from 'msw/node';
import { onTestFinished } from 'vitest';
import { createApp, type AppDeps } from '../../src/app.js';
import type { Clock } from '../../src/clock.js';
import { createIntercomClient, type IntercomClient } from '../../src/intercom/client.js';
import type { IntercomClientOptions } from '../../src/intercom/send-call.js';
import { signBody } from '../../src/intercom/signature.js';
import { readContactObject, readConversationObject } from '../../src/intercom/objects.js';
import { createBreaker, type Breaker } from '../../src/intercom/breaker.js';
import { createRateBudget, type RateBudget } from '../../src/intercom/rate-budget.js';
import { createLog } from '../../src/log.js';
import { logOutages } from '../../src/work/log-outages.js';
import { createHousekeeping } from '../../src/upkeep/housekeeping.js';
import { createMetrics, type Metrics } from '../../src/watch/metrics.js';
import { createProber } from '../../src/work/probe-intercom.js';
import { createProcessor } from '../../src/process/processor.js';
import { createJobs } from '../../src/reconcile/jobs.js';
import type { RunDeps } from '../../src/reconcile/run-frame.js';
import { runJob, type RunRequest } from '../../src/reconcile/run-job.js';
import type { Change, ConversationFacts } from '../../src/rules/facts.js';
import { decideMember } from '../../src/rules/member.js';
import { presentContact } from '../../src/sandbox/present-contact.js';
import { presentConversation } from '../../src/sandbox/present-conversation.js';
import type { WorkspaceOptions } from '../../src/sandbox/settings.js';
import type { Workspace } from '../../src/sandbox/workspace.js';
import type { ReportStore } from '../../src/store/ports/reports.js';
import { makeCsvHere } from '../../src/reports/answer.js';
import { openPostgresReports } from '../../src/store/postgres/postgres-report-store.js';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.js';
import { openSqliteReportStore } from '../../src/store/sqlite/sqlite-report-store.js';
import type { openLogFile } from '../../src/store/sqlite/log-sync.js';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';
import type { Run } from '../../src/store/ports/runs.js';
import type { Store } from '../../src/store/ports/store.js';
import { createTimeCheck, type TimeCheck } from '../../src/watch/time-check.js';
import { createTransitions } from '../../src/transitions/transitions.js';
import type { WorkLoop } from '../../src/work/work-loop.js';
import { createWriter } from '../../src/write-back/writer.js';
import { countPending } from './count-pending.js';
import { createMovedClock, type MovedClock } from './moved-clock.js';
import { handlersFor } from './sandbox-msw.js';
import { createTestWorkspace } from './test-workspace.js';

/** What is looked for every second by nobody's clock, such as writes that are to end, is not to be missed by long. */
const MAX_IDLE_MS = 1000;
/** So many turns of the event loop without anything under way: whatever else goes on beside a job has had its turn. */
const MAX_IDLE_TURNS = 30;

export const API_TOKEN = 'test-token-0123456789';

export interface HarnessOptions {
  /** Where the clock stands at first, an ISO instant. */
  readonly at?: string;
  readonly workspace?: WorkspaceOptions;
  /** `REPORT_TIMEZONE`. */
  readonly timeZone?: string;
  readonly dryRun?: boolean;
  readonly settleAfterSeconds?: number;
  readonly database?: string;
  /** An empty Postgres database in place of a file. */
  readonly postgresUrl?: string;
  /** A database that nothing has open; it begins with a copy of it. */
  readonly copyOf?: string;
  readonly openLog?: typeof openLogFile;
  /** False beside another one in the same test, which then answers for Intercom. */
  readonly listens?: boolean;
  /** `EXPORT_DIR`. */
  readonly exportDir?: string;
  /** Puts something between the service and its client. */
  readonly wrapIntercom?: (intercom: IntercomClient) => IntercomClient;
}

/** The whole service on a real SQLite file and the sandbox workspace, with its loops driven by hand. */
export interface Harness {
  readonly clock: MovedClock;
  readonly workspace: Workspace;
  readonly store: Store;
  readonly reports: ReportStore;
  readonly intercom: IntercomClient;
  readonly app: Hono;
  /** What the app was made from, for a test that makes another one. */
  readonly appDeps: AppDeps;
  readonly metrics: Metrics;
  readonly logLines: string[];
  readonly databasePath: string;
  readonly settings: {
    readonly timeZone: string;
    readonly eligibleProgramsByReferral: Record<string, string>;
  };
  /** Delivers what the workspace has sent and works everything off that is due now, until nothing is left. */
  settle(): Promise<void>;
  /** `settle`, then moves the clock to the next due retry, and so on until nothing waits for less than `withinMs`. */
  settleWithRetries(withinMs?: number): Promise<void>;
  backfill(days?: number): Promise<Run>;
  /** Runs a job to its end, with the loops at work and time passing where a wait is all there is. */
  runJob(request: RunRequest, over?: Partial<RunDeps>): Promise<Run>;
  /** The same for what a request has begun. */
  whileJobsRun<Result>(work: Promise<Result>): Promise<Result>;
  readonly runDeps: RunDeps & { readonly breaker: Breaker };
  readonly jobs: ReturnType<typeof createJobs>;
  /** A body with the headers that Intercom would send it with. */
  signed(body: string): { readonly body: string; readonly headers: Record<string, string> };
  /** Every change that the rules would still make to some contact, from what the workspace really holds. */
  wrongAttributes(): Promise<readonly (Change & { readonly contactId: string })[]>;
  get(path: string): Promise<Response>;
}

export async function createHarness(options: HarnessOptions = {}): Promise<Harness> {
  const clock = createMovedClock(options.at ?? '2026-10-15T15:00:00Z');
  const workspace = createTestWorkspace({ clock, ...options.workspace });
  const directory = mkdtempSync(join(tmpdir(), 'engagement-test-'));
  const server = setupServer(...handlersFor(workspace));
  if (options.listens !== false) server.listen({ onUnhandledRequest: 'error' });
  const rules = {
    timeZone: options.timeZone ?? 'America/New_York',
    eligibleProgramsByReferral: { 'Counter Health': 'Smart Access' },
  };
  const databasePath = options.database ?? join(directory, 'test.db');
  if (options.copyOf !== undefined) copyFileSync(options.copyOf, databasePath);
  else if (options.database === undefined && rules.timeZone === EMPTY_TIME_ZONE)
    await copyEmptyDatabase(databasePath);
  const logLines: string[] = [];
  const log = createLog({ level: 'trace', write: (line) => logLines.push(line) });
  const ending = new AbortController();
  const budget = endWith(ending.signal, createRateBudget({ clock }));
  const { postgresUrl: url } = options;
  const { counted: store, pending } = countPending(
    url === undefined
      ? openSqliteStore({
          path: databasePath,
          timeZone: rules.timeZone,
          log,
          ...(options.openLog === undefined ? {} : { openLog: options.openLog }),
        })
      : await openPostgresStore({ url, timeZone: rules.timeZone, time: 'callers', maxConnections: 4, log }),
  );
  const reports =
    url === undefined ? openSqliteReportStore({ path: databasePath }) : openPostgresReports({ url });
  const breaker = createBreaker({ clock, onEvent: logOutages({ log, store, clock }) });
  const metrics = createMetrics({ store, budget, breaker, clock });
  const client = createTestClient(workspace, clock, {
    budget,
    breaker,
    onCall: metrics.countCall,
    onServerTime: (serverAtMs) => time.noteAnswer(serverAtMs),
  });
  const intercom = options.wrapIntercom?.(client) ?? client;
  const time: TimeCheck = createTimeCheck({
    clock,
    log,
    ask: (signal) => intercom.readClock({ priority: 'soon', signal }),
  });
  metrics.watchClock(time);
  metrics.watchReplicas({ alive: () => null });
  const settings = { ...rules, isDayKnown: () => time.isTrusted() };
  const deps = {
    time,
    store,
    intercom,
    breaker,
    clock,
    log,
    metrics,
    owner: 'test/1/0',
    settings,
    maxChangeShare: 0.2,
  };
  const writer = createWriter({ ...deps, dryRun: options.dryRun ?? false });
  // After the end of the test a probe would be refused, and be due again, for ever.
  const isProbeDue = (): boolean => !ending.signal.aborted && breaker.isProbeDue();
  const prober = createProber({ ...deps, breaker: { ...breaker, isProbeDue } });
  const loops: readonly WorkLoop[] = [
    prober,
    createProcessor({ ...deps, settleAfterSeconds: options.settleAfterSeconds ?? 0 }),
    writer,
    createTransitions(deps),
    createHousekeeping({ ...deps, payloadRetentionDays: 30 }),
  ];
  const jobs = createJobs(deps, ending.signal);
  const appDeps: AppDeps = {
    ...deps,
    jobs,
    ...settings,
    reports,
    makeCsv: makeCsvHere,
    exportDir: options.exportDir ?? join(directory, 'exports'),
    clientSecrets: [workspace.settings.clientSecret],
    access: { apiTokens: [API_TOKEN], auth: 'token' },
    backfillDays: 365,
    messenger: { appId: null, secret: null, region: 'us' },
    outage: breaker.outage,
  };
  const app = createApp(appDeps);
  workspace.webhooks.deliverTo((request) => app.fetch(request));
  /** What the test waits for: a test that ends early, at its time limit or at a failed check, leaves some of it. */
  const underWay = new Set<Promise<unknown>>();
  const track = async <Result>(work: Promise<Result>): Promise<Result> => {
    underWay.add(work);
    try {
      return await work;
    } finally {
      underWay.delete(work);
    }
  };
  onTestFinished(async () => {
    ending.abort();
    workspace.webhooks.stop();
    await Promise.all(loops.map((loop) => loop.stop()));
    await jobs.settled();
    await Promise.allSettled(underWay);
    // A request that is still under way when the server closes would be answered by the next test's workspace.
    while (budget.snapshot().inFlight > 0) await nextTurn();
    await reports.close();
    await store.close();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Lets time pass only when nothing else can go on, the disk included: every call waits for the next window of the rate limit. */
  const passTimeUntil = async <Result>(work: Promise<Result>): Promise<Result> => {
    const progress = { isDone: false };
    const markDone = (): void => {
      progress.isDone = true;
    };
    work.then(markDone, markDone);
    while (!progress.isDone) {
      const { inFlight, waiting } = budget.snapshot();
      if (waiting > 0 && inFlight === 0 && pending() === 0) clock.advance(250);
      await nextTurn();
    }
    return work;
  };

  const settle = async (): Promise<void> => {
    for (;;) {
      await workspace.webhooks.drained();
      let handled = 0;
      for (const loop of loops) handled += await passTimeUntil(loop.runDue());
      if (handled === 0) return;
    }
  };

  const whileJobsRun = async <Result>(job: Promise<Result>): Promise<Result> => {
    const progress = { isDone: false };
    const markDone = (): void => {
      progress.isDone = true;
    };
    job.then(markDone, markDone);
    // As in the service, the loops look when they are woken and when time has passed: not at every turn.
    let lookedAtMs = -1;
    const wake = (): void => {
      lookedAtMs = -1;
    };
    const stops = [store.onWork('writes', wake), breaker.onClear(wake)];
    let idleTurns = 0;
    while (!progress.isDone && !ending.signal.aborted) {
      let handled = 0;
      if (lookedAtMs !== clock.nowMs()) {
        lookedAtMs = clock.nowMs();
        handled = (await passTimeUntil(writer.runDue())) + (await passTimeUntil(prober.runDue()));
      }
      const isIdle = handled === 0 && budget.snapshot().inFlight === 0 && pending() === 0;
      idleTurns = isIdle ? idleTurns + 1 : 0;
      // Nothing but the passing of time can bring it on.
      if (idleTurns > MAX_IDLE_TURNS) clock.advanceToNext(MAX_IDLE_MS);
      await nextTurn();
    }
    for (const stop of stops) stop();
    await settle();
    return job;
  };
  const runToEnd = (request: RunRequest, over: Partial<RunDeps> = {}): Promise<Run> =>
    whileJobsRun(track(runJob({ ...deps, ...over }, request, ending.signal)));

  return {
    clock,
    workspace,
    store,
    reports,
    intercom,
    app,
    appDeps,
    metrics,
    logLines,
    databasePath,
    settings: rules,
    settle,
    settleWithRetries: async (withinMs = 3_600_000) => {
      const untilMs = clock.nowMs() + withinMs;
      for (;;) {
        await settle();
        const due = [await store.nextNotificationDueAtMs(), await store.nextWriteDueAtMs()];
        const probeAtMs = breaker.nextProbeAtMs();
        // Asking every few seconds through a whole day would take long.
        const next =
          probeAtMs === null
            ? Math.min(...due.filter((at) => at !== null))
            : Math.max(probeAtMs, clock.nowMs() + 60_000);
        if (next > untilMs) return;
        clock.advance(Math.max(1, next - clock.nowMs()));
      }
    },
    backfill: (days = 365) => runToEnd({ job: 'backfill', params: { days } }),
    runJob: runToEnd,
    whileJobsRun,
    runDeps: deps,
    jobs,
    signed: (body) => ({
      body,
      headers: {
        'content-type': 'application/json',
        'x-hub-signature': signBody(new TextEncoder().encode(body), workspace.settings.clientSecret),
      },
    }),
    wrongAttributes: () => findWrongAttributes(workspace, store, clock, rules),
    get: async (path) => app.request(path, { headers: { authorization: `Bearer ${API_TOKEN}` } }),
  };
}

/** Lets everything that has come in be looked at first. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A budget that lets no call go out once `signal` aborts, whoever still asks for one. */
function endWith(signal: AbortSignal, budget: RateBudget): RateBudget {
  return {
    ...budget,
    acquire: async (priority, own) =>
      budget.acquire(priority, own === undefined ? signal : AbortSignal.any([signal, own])),
  };
}

interface TestClientOptions {
  readonly apiBase?: string;
  readonly budget?: RateBudget;
  readonly breaker?: Breaker;
  readonly onCall?: IntercomClientOptions['onCall'];
  readonly onServerTime?: IntercomClientOptions['onServerTime'];
}

export function createTestClient(
  workspace: Workspace,
  clock: Clock,
  {
    apiBase = 'https://api.intercom.io',
    budget = createRateBudget({ clock }),
    breaker,
    onCall,
    onServerTime,
  }: TestClientOptions = {},
): IntercomClient {
  return createIntercomClient({
    apiBase,
    token: workspace.settings.token,
    version: workspace.settings.appVersion,
    budget,
    clock,
    ...(breaker === undefined ? {} : { breaker }),
    ...(onCall === undefined ? {} : { onCall }),
    ...(onServerTime === undefined ? {} : { onServerTime }),
  });
}

/** Asks the rules about each member of the workspace as it really is, without the cache in between. */
export async function findWrongAttributes(
  workspace: Workspace,
  /** Or since when the cache knows every conversation. */
  store: Pick<Store, 'freshness'> | number,
  clock: Clock,
  settings: Harness['settings'],
): Promise<readonly (Change & { readonly contactId: string })[]> {
  const coverageFromAt = typeof store === 'number' ? store : (await store.freshness()).coverageFromAt;
  const conversationsOf = new Map<string | null, ConversationFacts[]>();
  for (const record of workspace.conversations()) {
    const read = readConversationObject(presentConversation(workspace.state, record, '2.14'));
    if (read.kind !== 'ok') throw new Error('the sandbox shows a conversation that the service cannot read');
    const { contactId } = read.conversation;
    const others = conversationsOf.get(contactId) ?? [];
    conversationsOf.set(contactId, [...others, read.conversation]);
  }
  const context = { ...settings, nowAt: Math.floor(clock.nowMs() / 1000) };
  return workspace.contacts().flatMap((record) => {
    if (record.archived || record.role !== 'user') return [];
    const read = readContactObject(presentContact(record, workspace.settings, '2.14'));
    if (read.kind !== 'ok') throw new Error('the sandbox shows a contact that the service cannot read');
    const facts = {
      contact: read.contact,
      conversations: conversationsOf.get(record.id) ?? [],
      coverageFromAt,
      waiting: [],
      ownFirstSessionAt: null,
      keptForms: [],
    };
    return decideMember(facts, context).changes.map((change) => ({ ...change, contactId: record.id }));
  });
}
