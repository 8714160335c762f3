import { http, HttpResponse, type RequestHandler } from 'msw';
import { BROKEN_CONNECTION_HEADER, createSandboxApp } from '../../src/sandbox/app.js';
import type { Workspace } from '../../src/sandbox/workspace.js';

/**
 * Handlers for msw's `setupServer` that answer every request below `baseUrl` from the workspace: the same app as the
 * sandbox server, without a port.
 */
export function handlersFor(workspace: Workspace, baseUrl = 'https://api.intercom.io'): RequestHandler[] {
  const app = createSandboxApp(workspace);
  return [
    http.all(`${baseUrl}/*`, async ({ request }) => {
      const response = await app.fetch(request);
      if (!response.headers.has(BROKEN_CONNECTION_HEADER)) return response;
      const broken = HttpResponse.error();
      // @hono/node-server replaces the global Response unless told not to, and then msw takes this for an answer.
      if (!(broken instanceof Response))
        throw new Error('a server was created without overrideGlobalObjects: false');
      return broken;
    }),
  ];
}
