import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { populate } from '../../src/sandbox/population.js';
import { startSandboxServer } from '../../src/sandbox/serve-sandbox.js';
import type { WorkspaceOptions } from '../../src/sandbox/settings.js';
import { createWorkspace, type Workspace } from '../../src/sandbox/workspace.js';

export const API_TOKEN = 'browser-test-token-0123456789';

/** `node dist/main.js serve` as a process of its own, on a look-alike workspace with invented members. */
export interface BuiltService {
  readonly url: string;
  readonly workspace: Workspace;
  /** Resolves when the cache is filled and nothing waits any more. */
  filled(): Promise<void>;
  stop(): Promise<void>;
}

export interface BuiltServiceOptions {
  readonly members: number;
  readonly workspace?: WorkspaceOptions;
  readonly env?: Readonly<Record<string, string>>;
}

export async function startBuiltService(options: BuiltServiceOptions): Promise<BuiltService> {
  const directory = mkdtempSync(join(tmpdir(), 'engagement-browser-'));
  const workspace = createWorkspace({ seed: 7, ...options.workspace });
  populate(workspace, { members: options.members });
  const intercom = await startSandboxServer(workspace);
  const service = spawn(process.execPath, [join(process.cwd(), 'dist/main.js'), 'serve'], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      INTERCOM_ACCESS_TOKEN: workspace.settings.token,
      INTERCOM_CLIENT_SECRET: workspace.settings.clientSecret,
      INTERCOM_API_BASE: intercom.url,
      INTERCOM_VERSION: workspace.settings.appVersion,
      DATABASE_PATH: join(directory, 'browser.db'),
      PORT: '0',
      API_TOKENS: API_TOKEN,
      SETTLE_AFTER_SECONDS: '0',
      ...options.env,
    },
  });
  const lines = createInterface({ input: service.stdout });
  const url = await new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      const listening = /"url":"([^"]+)"/.exec(line)?.[1];
      if (listening !== undefined) resolve(listening);
    });
    service.once('exit', (status) => reject(new Error(`the service ended with status ${status}`)));
  });
  workspace.webhooks.deliverTo(`${url}/webhooks/intercom`);

  const isFilled = async (): Promise<boolean> => {
    const ready: unknown = await (await fetch(`${url}/readyz`)).json();
    const metrics = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${API_TOKEN}` } });
    return (
      JSON.stringify(ready).includes('"backfill":"done"') &&
      /^engagement_writes_waiting 0$/m.test(await metrics.text())
    );
  };
  return {
    url,
    workspace,
    filled: async () => {
      while (!(await isFilled())) await new Promise((resolve) => setTimeout(resolve, 100));
    },
    stop: async () => {
      workspace.webhooks.stop();
      const ended = once(service, 'exit');
      service.kill('SIGTERM');
      await ended;
      await intercom.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
