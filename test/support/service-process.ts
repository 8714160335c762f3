import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { systemClock } from '../../src/clock.js';
import type { Workspace } from '../../src/sandbox/workspace.js';

export interface ServiceProcess {
  readonly url: string;
  readonly process: ChildProcess;
  /** The exit status; null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

/** The settings that point the built service at a sandbox workspace. */
export function serviceSettings(
  workspace: Workspace,
  where: { readonly apiBase: string; readonly databasePath: string; readonly port: number },
): Record<string, string> {
  return {
    INTERCOM_ACCESS_TOKEN: workspace.settings.token,
    INTERCOM_CLIENT_SECRET: workspace.settings.clientSecret,
    INTERCOM_API_BASE: where.apiBase,
    INTERCOM_VERSION: workspace.settings.appVersion,
    DATABASE_PATH: where.databasePath,
    PORT: String(where.port),
    LOG_LEVEL: 'fatal',
  };
}

/** Starts the built service in a process of its own and waits until it is ready. */
export async function startService(settings: Readonly<Record<string, string>>): Promise<ServiceProcess> {
  const child = spawn(process.execPath, ['dist/main.js', 'serve'], {
    env: { PATH: process.env['PATH'], ...settings },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = `http://127.0.0.1:${settings['PORT']}`;
  for (let tries = 0; tries < 2400; tries += 1) {
    const answer = await fetch(`${url}/readyz`).catch(() => null);
    if (answer?.status === 200) return { url, process: child, ended };
    await systemClock.sleep(25);
  }
  child.kill('SIGKILL');
  throw new Error('the service did not become ready');
}

/** The memory that it holds now, in MB. */
export function residentMb({ process: { pid } }: ServiceProcess): number {
  const kilobytes = execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' });
  return Math.round(Number(kilobytes) / 1024);
}
