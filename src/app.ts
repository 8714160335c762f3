import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { requestId } from 'hono/request-id';
import type { Clock } from './clock.js';
import type { Log } from './log.js';
import type { Breaker } from './intercom/breaker.js';
import { createAccess, type AccessRules } from './http/access.js';
import { answerOwnHosts } from './http/answered-hosts.js';
import { createClients } from './http/client-address.js';
import { failRequest } from './http/failed-request.js';
import { createHealthRoutes } from './watch/health.js';
import { JOB_OPERATIONS } from './http/jobs/job-operations.js';
import { createJobRoutes } from './http/jobs/job-routes.js';
import type { Jobs } from './work/jobs.js';
import { createParkedRoutes } from './http/jobs/parked-routes.js';
import { createRunRoutes } from './http/jobs/run-routes.js';
import type { Metrics } from './watch/metrics.js';
import { createOpenApiRoutes } from './http/openapi-routes.js';
import { answerProblem } from './http/problem.js';
import { addSecureHeaders } from './http/secure-headers.js';
import { SERVICE_OPERATIONS } from './http/service-operations.js';
import { createWebhookRoutes } from './receive/webhook.js';
import type { MessengerSettings } from './pages/messenger.js';
import { createPageRoutes } from './pages/routes.js';
import type { MakeCsv } from './reports/answer.js';
import { MEMBER_OPERATIONS } from './reports/member-operations.js';
import { createMemberRoutes } from './reports/member.js';
import { REPORT_OPERATIONS } from './reports/report-operations.js';
import { createReportRoutes } from './reports/report-routes.js';
import { glossary } from './rules/glossary.js';
import type { ReportStore } from './store/ports/reports.js';
import type { Store } from './store/ports/store.js';
import type { ShownTime } from './watch/time-check.js';

export interface AppDeps {
  readonly store: Store;
  readonly reports: ReportStore;
  readonly makeCsv: MakeCsv;
  readonly jobs: Jobs;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly time: ShownTime;
  /** Whether a report would be answered without waiting for anything but its rows; left out: it always is. */
  readonly areReportsWarm?: () => boolean;
  /** True once the service was told to stop; left out: it never is. */
  readonly isStopping?: () => boolean;
  /** What forms are signed with where nobody signs in; left out: a key of this process. */
  readonly formKey?: string;
  readonly clientSecrets: readonly string[];
  readonly access: AccessRules;
  readonly timeZone: string;
  readonly eligibleProgramsByReferral: Readonly<Record<string, string>>;
  readonly backfillDays: number;
  readonly exportDir: string;
  readonly messenger: MessengerSettings;
  readonly outage: Breaker['outage'];
}

/** What machines ask every few seconds: its lines would bury all others. */
const NOT_LOGGED = ['/healthz', '/readyz', '/metrics'];

/** Of every body but a webhook's: forms and reports' filters are some hundred bytes. */
const MAX_BYTES = 64 * 1024;

/** What `/openapi.json` and `/docs` describe; pages are for people and describe themselves. */
const OPERATIONS = [...REPORT_OPERATIONS, ...MEMBER_OPERATIONS, ...JOB_OPERATIONS, ...SERVICE_OPERATIONS];

/** The whole HTTP surface. Everything but the webhook and health needs a token (or a proxy that has checked). */
export function createApp(deps: AppDeps): Hono {
  const { log, clock } = deps;
  const { trustedProxies, publicHosts = [], apiTokens, auth } = deps.access;
  const clients = createClients(trustedProxies);
  // A slash at the end of an address changes nothing: people save the webhook's that way, and a POST follows no redirect.
  const app = new Hono({ strict: false });

  app.use(requestId({ headerName: '' }));
  // Before the request log and the small limit: Intercom's requests are many, may be long, and are counted instead.
  app.route('/webhooks/intercom', createWebhookRoutes({ ...deps, clients }));
  app.use(addSecureHeaders);
  app.use(async (context, next) => {
    const startedAtMs = clock.nowMs();
    await next();
    if (NOT_LOGGED.some((prefix) => context.req.path.startsWith(prefix))) return;
    // The matched pattern, not the address: addresses hold member ids.
    const { method } = context.req;
    const request: unknown = context.get('requestId');
    log.info(
      {
        request,
        method,
        route: context.req.routePath,
        status: context.res.status,
        ms: clock.nowMs() - startedAtMs,
      },
      'request',
    );
  });

  // For every address at once, so that none can be added without it.
  app.use(
    bodyLimit({
      maxSize: MAX_BYTES,
      onError: (context) => answerProblem(context, 413, `The body may have at most ${MAX_BYTES} bytes.`),
    }),
  );

  app.route('/', createHealthRoutes(deps));

  // After what Intercom and health checks ask, by whatever name or address.
  app.use(answerOwnHosts({ clients, publicHosts, auth, hasTokens: apiTokens.length > 0 }));

  const access = createAccess({ ...deps, rules: deps.access, clients });
  app.use('/API/*', access.api);
  for (const path of ['/metrics', '/openapi.json', '/docs', '/docs/*']) app.use(path, access.api);
  app.use('/API/*', async (context, next) => {
    await next();
    // Programs with a token decide for themselves what they keep; browsers, which bring a cookie, keep nothing.
    if (context.req.header('authorization') === undefined) context.header('cache-control', 'no-store');
  });
  app.get('/metrics', async (context) =>
    context.body(await deps.metrics.scrape(), 200, { 'content-type': deps.metrics.contentType }),
  );
  app.route('/API/intercom/members', createMemberRoutes(deps));
  app.get('/API/intercom/glossary', (context) =>
    context.json({ timeZone: deps.timeZone, glossary: glossary(deps) }),
  );
  app.route('/', createReportRoutes(deps));
  app.route('/', createJobRoutes(deps));
  app.route('/', createRunRoutes(deps));
  app.route('/', createParkedRoutes(deps));
  app.route('/', createOpenApiRoutes(OPERATIONS));

  app.route('/', createPageRoutes({ ...deps, access }));

  app.notFound((context) => answerProblem(context, 404, 'There is nothing at this address.'));
  app.onError((error, context) => {
    const { status, sentence } = failRequest(error, context, log);
    return answerProblem(context, status, sentence);
  });
  return app;
}
