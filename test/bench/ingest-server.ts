import { createAdaptorServer } from '@hono/node-server';
import { createApp } from '../../src/app.js';
import { systemClock } from '../../src/clock.js';
import { createLog } from '../../src/log.js';
import { benchDeps } from './bench-app.js';

/** Our receiving side as it is, without the loops that work off the inbox: `ingest-server.ts <database> <client secret>`. */
const [path = '', clientSecret = ''] = process.argv.slice(2);
const app = createApp({
  ...benchDeps(path, systemClock, 'America/New_York'),
  log: createLog({ level: 'info' }),
  clientSecrets: [clientSecret],
});
const server = createAdaptorServer({ fetch: app.fetch });
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  process.stdout.write(`listening http://127.0.0.1:${port}\n`);
});
