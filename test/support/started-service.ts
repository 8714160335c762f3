import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { signBody } from '../../src/intercom/signature.js';
import { populate } from '../../src/sandbox/population.js';
import { startSandboxServer } from '../../src/sandbox/serve-sandbox.js';
import type { WorkspaceOptions } from '../../src/sandbox/settings.js';
import type { Workspace } from '../../src/sandbox/workspace.js';
import { freePort } from '../../src/cli/replicas/free-port.js';
import { serviceSettings, startService, type ServiceProcess } from './service-process.js';
import { createTestWorkspace } from './test-workspace.js';

export interface StartedService {
  readonly workspace: Workspace;
  readonly databasePath: string;
  readonly port: number;
  /** Starts the built service; again after it has ended, or a second one beside it on another port. */
  readonly start: (port?: number) => Promise<ServiceProcess>;
  /** Sends a signed notification; the answer's status, or null where none came. */
  readonly send: (notification: object) => Promise<number | null>;
}

/** A look-alike workspace on a port of its own and what it takes to run the built service against it. */
export async function prepareService(
  options: {
    readonly directory?: string;
    readonly members?: number;
    readonly workspace?: WorkspaceOptions;
  } = {},
): Promise<StartedService> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'engagement-safety-'));
  const workspace = createTestWorkspace({ seed: 5, ...options.workspace });
  populate(workspace, { members: options.members ?? 20, seed: 5 });
  const intercom = await startSandboxServer(workspace);
  const port = await freePort();
  const databasePath = join(directory, 'safety.db');
  const started: ServiceProcess[] = [];
  onTestFinished(async () => {
    workspace.webhooks.stop();
    for (const service of started) service.process.kill('SIGKILL');
    await Promise.all(started.map((service) => service.ended));
    await intercom.close();
    if (options.directory === undefined) rmSync(directory, { recursive: true, force: true });
  });
  return {
    workspace,
    databasePath,
    port,
    start: async (at = port) => {
      const where = { apiBase: intercom.url, databasePath, port: at };
      const service = await startService({
        ...serviceSettings(workspace, where),
        // A second look would lie minutes ahead.
        SETTLE_AFTER_SECONDS: '0',
      });
      started.push(service);
      return service;
    },
    send: async (notification) => {
      const body = new TextEncoder().encode(JSON.stringify(notification));
      const answer = await fetch(`http://127.0.0.1:${port}/webhooks/intercom`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-hub-signature': signBody(body, workspace.settings.clientSecret),
        },
        body,
      }).catch(() => null);
      await answer?.arrayBuffer();
      return answer?.status ?? null;
    },
  };
}
