import { Hono, type Context } from 'hono';
import { accepts } from 'hono/accepts';
import { compress } from 'hono/compress';
import type { Clock } from '../clock.js';
import type { Breaker } from '../intercom/breaker.js';
import type { Log } from '../log.js';
import type { Access } from '../http/access.js';
import { failRequest } from '../http/failed-request.js';
import type { Jobs } from '../work/jobs.js';
import type { MakeCsv } from '../reports/answer.js';
import type { ReportStore } from '../store/ports/reports.js';
import type { Store } from '../store/ports/store.js';
import type { ShownTime } from '../watch/time-check.js';
import { replayParked, showActivity } from './activity.js';
import { readAssets } from './assets.js';
import { billingPage } from './billing.js';
import { caseloadPage } from './caseload.js';
import { dataQualityPage } from './data-quality.js';
import { showHome } from './home.js';
import { newParticipantsPage } from './new-participants.js';
import type { ReportPage } from './report/report-page.js';
import { downloadTable, showReport, type ReportPageDeps } from './report/show-report.js';
import { showRun } from './run.js';
import { sessionsPage } from './sessions.js';
import { START_RUN_PATH, startRun } from './start-run.js';
import { upcomingPage } from './upcoming.js';
import { showMember } from './member.js';
import type { MessengerSettings } from './messenger.js';
import { problemView } from './problem.js';
import { createRender } from './render.js';
import { createSignInRoutes, signOut } from './sign-in.js';

export interface PagesDeps {
  readonly store: Store;
  readonly reports: ReportStore;
  readonly makeCsv: MakeCsv;
  readonly jobs: Jobs;
  readonly clock: Clock;
  readonly time: ShownTime;
  readonly log: Log;
  readonly access: Access;
  readonly messenger: MessengerSettings;
  readonly outage: Breaker['outage'];
  readonly timeZone: string;
  readonly eligibleProgramsByReferral: Readonly<Record<string, string>>;
}

const NO_PAGE = 'There is no page at this address.';

/**
 * Everything that people see. Pages are compressed although they show what an address says beside personal data:
 * the cookie is not sent with what other sites request in the background, and form tokens differ each time.
 */
export function createPageRoutes(deps: PagesDeps): Hono {
  const { access } = deps;
  const assets = readAssets();
  const render = createRender({ ...deps, assets });
  const pages = { ...deps, render };
  const routes = new Hono();
  const showProblem = async (context: Context, status: 400 | 403 | 404 | 500 | 503, sentence: string) =>
    render(context, await problemView(access, context, status, sentence));
  const guard = access.pages(showProblem);

  routes.route('/', assets.routes);
  routes.get('/', (context) => context.redirect('/intercom', 303));
  routes.route('/', createSignInRoutes(pages));

  for (const path of ['/intercom', '/intercom/*', '/sign-out']) {
    routes.use(path, compress());
    routes.use(path, guard);
  }
  routes.post('/sign-out', (context) => signOut(context, access));
  routes.get('/intercom', (context) => showHome(pages, context));
  for (const addRoutes of REPORT_PAGES) addRoutes(routes, pages);
  routes.get('/intercom/members/:id', (context) => showMember(pages, context, context.req.param('id')));
  routes.get('/intercom/activity', (context) => showActivity(pages, context));
  routes.get('/intercom/activity/runs/:id', (context) =>
    showRun(pages, context, context.req.param('id'), () => showProblem(context, 404, 'Run not found.')),
  );
  routes.post(START_RUN_PATH, (context) =>
    startRun(deps.jobs, context, (sentence) => showProblem(context, 400, sentence)),
  );
  routes.post('/intercom/activity/replay', (context) => replayParked(pages, context));
  routes.all('/intercom/*', (context) => showProblem(context, 404, NO_PAGE));
  // People who mistype any other address are told so on a page too; programs are answered by the app.
  routes.get('*', (context) => {
    const wanted = accepts(context, {
      header: 'Accept',
      supports: ['text/html', 'application/json'],
      default: 'application/json',
    });
    return wanted === 'text/html' && !context.req.path.startsWith('/API/')
      ? showProblem(context, 404, NO_PAGE)
      : context.notFound();
  });
  routes.onError((error, context) => {
    const { status, sentence } = failRequest(error, context, deps.log);
    return showProblem(context, status, sentence);
  });
  return routes;
}

const REPORT_PAGES = [
  reportRoutes(caseloadPage),
  reportRoutes(sessionsPage),
  reportRoutes(newParticipantsPage),
  reportRoutes(billingPage),
  reportRoutes(upcomingPage),
  reportRoutes(dataQualityPage),
];

/** The page, and its table as CSV in the order that it shows. */
function reportRoutes<Row>(page: ReportPage<Row>): (routes: Hono, deps: ReportPageDeps) => void {
  return (routes, deps) => {
    routes.get(page.path, (context) => showReport(deps, page, context));
    routes.get(`${page.path}.csv`, (context) => downloadTable(deps, page, context));
  };
}
