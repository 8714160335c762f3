import { createAdaptorServer } from '@hono/node-server';
import { createApp } from '../../src/app.js';
import { systemClock } from '../../src/clock.js';
import { createRateBudget } from '../../src/intercom/rate-budget.js';
import { createLog } from '../../src/log.js';
import { createMetrics } from '../../src/operate/metrics.js';
import { openSqliteReportStore } from '../../src/store/sqlite/reports/sqlite-report-store.js';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';

/** Our receiving side as it is, without the loops that work off the inbox: `ingest-server.ts <database> <client secret>`. */
const [path = '', clientSecret = ''] = process.argv.slice(2);
const timeZone = 'America/New_York';
const store = openSqliteStore({ path, timeZone });
const app = createApp({
  store,
  reports: openSqliteReportStore({ path }),
  exportDir: 'exports',
  clock: systemClock,
  log: createLog({ level: 'info' }),
  metrics: createMetrics({
    store,
    budget: createRateBudget({ clock: systemClock }),
    clock: systemClock,
  }),
  clientSecrets: [clientSecret],
  access: { apiTokens: [], auth: 'token' },
  timeZone,
  eligibleProgramsByReferral: {},
  backfillDays: 0,
  // Nothing asks for one here.
  jobs: { start: () => Promise.reject(new Error('no jobs')) },
  messenger: { appId: null, secret: null, region: 'us' },
});
const server = createAdaptorServer({ fetch: app.fetch });
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  process.stdout.write(`listening http://127.0.0.1:${port}\n`);
});
