import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { boundSockets } from './bound-sockets.js';
import type { Clock } from '../clock.js';
import { wrongSettings } from '../errors.js';
import { DEFAULT_TRUSTED_PROXIES, trustProxies } from '../config/trusted-proxies.js';

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

/**
 * Takes the place of a `Host` that is not sent (HTTP/1.0, as plain health checks do) and would else be answered 400. No
 * name that reports are ever answered for: only health and the webhook don't ask for one.
 */
const HOST_OF_NOBODY = 'no-host.invalid';

/** Of the ten seconds in which a stop is to be over. */
const GRACE_MS = 5000;
const LOOK_EVERY_MS = 50;

/** What the system says of an address that it will never take, and the setting that is wrong then. */
const REFUSED: Readonly<Record<string, string>> = {
  EACCES:
    'PORT is one that this user may not listen on: choose one from 1024 up, with a proxy in front of it',
  EADDRNOTAVAIL: 'HOST is no address of this machine: choose one that is, such as 127.0.0.1 or 0.0.0.0',
  EAFNOSUPPORT: 'HOST is of a kind that this machine does not use: choose another, such as 127.0.0.1',
  ENOTFOUND: 'HOST is a name that leads to no address: write the address itself, such as 127.0.0.1',
  EINVAL: 'HOST can not be listened on: write an address such as 127.0.0.1',
};

/**
 * Serves `app` on a port.
 * @throws AppError `config_invalid` for an address that can't be had, else the socket's own error (`EADDRINUSE`).
 */
export async function listen(
  app: Pick<Hono, 'fetch'>,
  where: { readonly host: string; readonly port: number; readonly trustedProxies?: readonly string[] },
  clock: Clock,
): Promise<Listener> {
  const server = createAdaptorServer({
    fetch: app.fetch,
    hostname: HOST_OF_NOBODY,
    serverOptions: TIME_LIMITS,
  });
  if (!('closeIdleConnections' in server)) throw new Error('an HTTP/1 server was expected');
  server.setTimeout(SILENCE_MS);
  server.maxConnections = MAX_CONNECTIONS;
  boundSockets(server, clock, trustProxies(where.trustedProxies ?? DEFAULT_TRUSTED_PROXIES));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const sentence = 'code' in error ? REFUSED[String(error.code)] : undefined;
      reject(sentence === undefined ? error : wrongSettings([sentence]));
    });
    server.listen(where.port, where.host, () => {
      server.removeAllListeners('error');
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
