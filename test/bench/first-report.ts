import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.js';
import { populate } from '../../src/sandbox/population.js';
import { startSandboxServer } from '../../src/sandbox/serve-sandbox.js';
import { createWorkspace } from '../../src/sandbox/workspace.js';
import { freePort } from '../../src/cli/replicas/free-port.js';
import { serviceSettings, startService } from '../support/service-process.js';
import { median } from './load.js';

const BUSY_LOOPS = 4;
const LATER = 10;

/**
 * `npm run bench -- first-report`: how long the first report takes on a machine whose cores are busy with four endless
 * loops, right after the service says that it is ready, beside later ones of the same run: while the first backfill
 * writes, and after a restart.
 */
export async function benchFirstReport(isShort: boolean): Promise<void> {
  const members = isShort ? 500 : 5000;
  const directory = mkdtempSync(join(process.cwd(), 'node_modules', '.first-report-'));
  const workspace = createWorkspace({ seed: 27 });
  populate(workspace, { members, seed: 27 });
  const intercom = await startSandboxServer(workspace);
  const loops = Array.from({ length: BUSY_LOOPS }, () =>
    spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
  );
  try {
    const where = { apiBase: intercom.url, databasePath: join(directory, 'first.db') };
    for (const moment of ['while the first backfill writes', 'after a restart']) {
      const port = await freePort();
      const service = await startService(serviceSettings(workspace, { ...where, port }));
      console.log(`first-report: ${moment}, ${members} members, ${BUSY_LOOPS} busy loops`);
      for (const report of ['overview', 'caseload?view=summary', 'billing?limit=100']) {
        const url = `${service.url}/API/intercom/${report}`;
        const firstMs = await timeOf(url);
        const later: number[] = [];
        for (let time = 0; time < LATER; time += 1) later.push(await timeOf(url));
        const name = report.replace(/\?.*/, '').padEnd(9);
        console.log(
          `  ${name} first ${firstMs} ms, later p50 ${median(later)} ms, at most ${Math.max(...later)} ms`,
        );
      }
      await untilFilled(service.url);
      service.process.kill('SIGTERM');
      await service.ended;
    }
  } finally {
    for (const loop of loops) loop.kill('SIGKILL');
    await intercom.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function timeOf(url: string): Promise<number> {
  const beganAtMs = systemClock.monotonicMs();
  const answer = await fetch(url);
  await answer.arrayBuffer();
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`);
  return Math.round(systemClock.monotonicMs() - beganAtMs);
}

async function untilFilled(url: string): Promise<void> {
  for (let tries = 0; tries < 3000; tries += 1) {
    if ((await (await fetch(`${url}/readyz`)).text()).includes('"backfill":"done"')) return;
    await systemClock.sleep(100);
  }
  throw new Error('the first backfill did not end');
}
