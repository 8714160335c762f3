import { randomUUID } from 'node:crypto';
import { Hono, type Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { CallFault } from './faults.js';
import { rateHeaders } from './rate-windows.js';
import { notFound, Refusal } from './refusal.js';
import { addRoutes, type SandboxEnv } from './routes.js';
import { refusalOfScope } from './scopes.js';
import { parseVersion } from './versions.js';
import type { Workspace } from './workspace.js';

/**
 * Marks an answer that must never arrive: whoever carries this app's answers (server, msw) breaks the connection
 * instead.
 */
export const BROKEN_CONNECTION_HEADER = 'x-sandbox-broken-connection';

/** The workspace's REST API, as a Hono app: serve it on a port or call `app.request()` in a test. */
export function createSandboxApp(workspace: Workspace): Hono<SandboxEnv> {
  const { settings, faults, calls, windows } = workspace;
  const app = new Hono<SandboxEnv>();

  app.use(async (c, next) => {
    const { method } = c.req;
    const { pathname, search } = new URL(c.req.url);
    const path = `${pathname}${search}`;
    const atMs = settings.clock.nowMs();
    const body = await readJson(c);
    c.set('body', body);
    if (settings.latencyMs > 0) await settings.clock.sleep(settings.latencyMs);
    const fault = faults.draw({ method, path, body });

    const rate = isAuthorized(c, settings.token) ? windows.count() : null;
    await answer(c, fault, rate?.isExceeded === true ? rate.limit : null, next);
    if (rate !== null) {
      const isFaked = fault?.kind === 'status' && fault.status === 429;
      const shown = rateHeaders(isFaked ? { ...rate, remaining: 0 } : rate);
      for (const [name, value] of Object.entries(shown)) c.res.headers.set(name, value);
    }
    c.res.headers.set('Date', new Date(settings.clock.nowMs()).toUTCString());
    if (fault?.kind === 'headers' || fault?.kind === 'answer') {
      for (const [name, value] of Object.entries(fault.headers ?? {})) c.res.headers.set(name, value);
    }
    const version = c.req.header('Intercom-Version') ?? null;
    calls.record({
      method,
      path,
      status: c.res.status,
      atMs,
      version,
      body: body ?? null,
      fault: fault?.kind ?? null,
    });

    if (fault?.kind === 'altered' && c.res.ok) c.res = await altered(c.res, fault.alter, body);
    if (fault?.kind === 'slow') await settings.clock.sleep(fault.delayMs, c.req.raw.signal);
    if (fault?.kind === 'answer-lost' || fault?.kind === 'reset') c.res = brokenConnection();
  });

  /** Everything that can be wrong before a route is asked, in Intercom's order; then the route. */
  async function answer(
    c: Context<SandboxEnv>,
    fault: CallFault | null,
    exceededLimit: number | null,
    next: () => Promise<void>,
  ): Promise<void> {
    if (fault?.kind === 'reset') {
      c.res = brokenConnection();
      return;
    }
    if (fault?.kind === 'refused') {
      c.res = Response.json(fault.body, { status: fault.status });
      return;
    }
    if (fault?.kind === 'gateway') {
      c.res = new Response(`<html><body><h1>${fault.status}</h1></body></html>`, {
        status: fault.status,
        headers: { 'Content-Type': 'text/html' },
      });
      return;
    }
    if (fault?.kind === 'answer') {
      c.res = new Response(JSON.stringify(fault.body ?? {}), {
        status: fault.status,
        headers: { 'Content-Type': 'application/json' },
      });
      return;
    }
    const refusal =
      refusalOfFault(fault, settings.rateLimit.perWindow) ??
      (isAuthorized(c, settings.token) ? null : new Refusal(401, 'unauthorized', 'Access Token Invalid')) ??
      (exceededLimit === null ? null : exceeded(exceededLimit)) ??
      refusalOfHeaders(c) ??
      refusalOfScope(settings, c.req.method, c.req.path);
    if (refusal !== null) {
      c.res = errorList(refusal);
      return;
    }
    c.set(
      'version',
      parseVersion(c.req.header('Intercom-Version') ?? settings.appVersion) ?? settings.appVersion,
    );
    await next();
  }

  addRoutes(app, workspace);
  // Also for a path that exists with another method.
  app.notFound(() => errorList(notFound('The requested resource was not found')));
  app.onError((error) => {
    if (error instanceof Refusal) return errorList(error);
    if (error instanceof HTTPException) return error.getResponse();
    throw error;
  });
  return app;
}

function isAuthorized(c: Context, token: string): boolean {
  return c.req.header('Authorization') === `Bearer ${token}`;
}

function refusalOfFault(fault: CallFault | null, limit: number): Refusal | null {
  if (fault?.kind === 'absence') {
    return fault.status === 404
      ? notFound('The requested resource was not found')
      : new Refusal(410, 'contact_merged', 'This contact has been merged.', {
          Link: `</contacts/${fault.intoId}>; rel="canonical"`,
        });
  }
  if (fault?.kind !== 'status') return null;
  if (fault.status === 429) return exceeded(limit);
  if (fault.status === 400) return new Refusal(400, 'parameter_invalid', 'starting_after is not valid');
  return fault.status === 500
    ? new Refusal(500, 'server_error', 'Server Error')
    : new Refusal(503, 'service_unavailable', 'Sorry, the API service is temporarily unavailable');
}

function exceeded(limit: number): Refusal {
  return new Refusal(429, 'rate_limit_exceeded', `Exceeded rate limit of ${limit} in 10_seconds`);
}

function refusalOfHeaders(c: Context): Refusal | null {
  const version = c.req.header('Intercom-Version');
  if (version !== undefined && parseVersion(version) === null) {
    return new Refusal(400, 'intercom_version_invalid', 'The requested version could not be found');
  }
  const accept = c.req.header('Accept');
  if (accept !== undefined && !/\*\/\*|application\/(\*|json|.*\+json)/.test(accept)) {
    return new Refusal(
      406,
      'media_type_not_acceptable',
      'The Accept header should send a media type of application/json',
    );
  }
  return null;
}

function errorList(refusal: Refusal): Response {
  const errors = [{ code: refusal.code, message: refusal.message }];
  return Response.json(
    { type: 'error.list', request_id: randomUUID(), errors },
    { status: refusal.status, headers: refusal.headers },
  );
}

async function altered(
  response: Response,
  alter: (body: unknown, request: unknown) => unknown,
  request: unknown,
): Promise<Response> {
  const body: unknown = await response.clone().json();
  const changed = alter(body, request);
  return changed === undefined
    ? response
    : Response.json(changed, { status: response.status, headers: response.headers });
}

function brokenConnection(): Response {
  return new Response(null, { status: 502, headers: { [BROKEN_CONNECTION_HEADER]: 'yes' } });
}

/** The JSON that was sent; undefined where there is none, or none that can be read. */
async function readJson(c: Context): Promise<unknown> {
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return undefined;
  try {
    const parsed: unknown = JSON.parse(await c.req.text());
    return parsed;
  } catch {
    return undefined;
  }
}
