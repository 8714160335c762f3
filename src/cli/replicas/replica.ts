import { once } from 'node:events';
import { systemClock } from '../../clock.js';
import { readConfig } from '../../config/config.js';
import type { Environment } from '../../config/environment.js';
import { createLog } from '../../log.js';
import { serve, type Service } from '../../serve.js';
import type { ReplicaMessage } from './messages.js';
import { untilWritten } from './until-written.js';

/*
 * One service of several, in a process of its own: `start-replicas.ts` starts it, sends its settings, and is told what
 * it does.
 */

const say = (message: ReplicaMessage): void => {
  // The other side may just have ended.
  if (process.connected) process.send?.(message);
};

const [settings]: readonly [Environment] = await once(process, 'message').then(([sent]) => [sent]);
const service = await serve({
  config: readConfig(settings),
  clock: systemClock,
  log: createLog({ level: 'error' }),
  onBackfillProgress: (progress) => say({ kind: 'progress', progress }),
  onWritten: (written) => say({ kind: 'written', written }),
});
say({ kind: 'listening', url: service.url });
process.on('SIGTERM', () => void end(service));
process.on('disconnect', () => void end(service));
// A Ctrl-C in the terminal goes to all processes: whoever started this one tells it to end.
process.on('SIGINT', () => undefined);
await service.backfilled;
await untilWritten(service, systemClock);
say({ kind: 'filled' });

async function end(ending: Service): Promise<void> {
  await ending.stop();
  process.exit(0);
}
