import { createAdaptorServer } from '@hono/node-server';
import { BROKEN_CONNECTION_HEADER, createSandboxApp } from './app.js';
import type { Workspace } from './workspace.js';

export interface SandboxServer {
  /** Base address, without a slash at its end. */
  readonly url: string;
  /** Stops listening and breaks the connections that are left. */
  close(): Promise<void>;
}

/** Serves the workspace's API on a port of its own; port 0 takes any free one. Rejects when the port is taken. */
export async function startSandboxServer(
  workspace: Workspace,
  options: { readonly host?: string; readonly port?: number } = {},
): Promise<SandboxServer> {
  const host = options.host ?? '127.0.0.1';
  const app = createSandboxApp(workspace);
  const server = createAdaptorServer({
    // The default would put its own Request and Response in place of the platform's, for the whole process.
    overrideGlobalObjects: false,
    fetch: async (request, { incoming }) => {
      const response = await app.fetch(request);
      // A destroyed socket is what the caller of a broken connection sees; the answer below goes nowhere.
      if (response.headers.has(BROKEN_CONNECTION_HEADER)) incoming.socket.destroy();
      return response;
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The sandbox server has no port');
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}
