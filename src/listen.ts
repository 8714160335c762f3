import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { boundSockets } from './bound-sockets.js';
import type { Clock } from './clock.js';
import { DEFAULT_TRUSTED_PROXIES, trustProxies } from './operate/client-address.js';

export interface Listener {
  /** Where it listens, `http://127.0.0.1:3000`. */
  readonly url: string;
  /** Takes no new connections, lets requests in hand finish, and ends the connections of those that take too long. */
  close(): Promise<void>;
}

/**
 * How long a caller may take. Intercom itself gives up after 5 s; what is slower than this is a broken connection or
 * somebody who holds connections open on purpose. Node looks every second; its own defaults are minutes.
 */
export const TIME_LIMITS = {
  /** From the connection, or the end of the last request, to the end of the headers. */
  headersTimeout: 10_000,
  /** To the end of the body: 5 MB over a slow line. */
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1000,
  /** Longer than load balancers keep an unused connection (60 s), or they send into one that is just closing. */
  keepAliveTimeout: 75_000,
} as const;

/** No byte in either direction: whoever reads an answer has gone away. Jobs that take longer run with `async`. */
const SILENCE_MS = 10 * 60_000;

/** File descriptors are needed for the database too. How many of them one client gets is in `bound-sockets.ts`. */
const MAX_CONNECTIONS = 2000;

/** Of the ten seconds in which a stop is to be over. */
const GRACE_MS = 5000;
const LOOK_EVERY_MS = 50;

/** Serves `app` on a port. Rejects with the socket's own error, `EADDRINUSE` and the like. */
export async function listen(
  app: Pick<Hono, 'fetch'>,
  where: { readonly host: string; readonly port: number; readonly trustedProxies?: readonly string[] },
  clock: Clock,
): Promise<Listener> {
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions: TIME_LIMITS });
  if (!('closeIdleConnections' in server)) throw new Error('an HTTP/1 server was expected');
  server.setTimeout(SILENCE_MS);
  server.maxConnections = MAX_CONNECTIONS;
  boundSockets(server, clock, trustProxies(where.trustedProxies ?? DEFAULT_TRUSTED_PROXIES));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(where.port, where.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : where.port;
  return {
    url: `http://${where.host.includes(':') ? `[${where.host}]` : where.host}:${port}`,
    close: async () => {
      const closed = new AbortController();
      server.close(() => closed.abort());
      for (let waitedMs = 0; !closed.signal.aborted; waitedMs += LOOK_EVERY_MS) {
        // A connection that is kept open becomes idle only after its last answer.
        if (waitedMs < GRACE_MS) server.closeIdleConnections();
        else server.closeAllConnections();
        await clock.sleep(LOOK_EVERY_MS, closed.signal);
      }
    },
  };
}
