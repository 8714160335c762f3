import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';
import { clientAddress, clientKey } from './client-address.js';
import type { TrustProxy } from '../config/trusted-proxies.js';

export interface SocketLimits {
  /** Connections that wait for one client: for its headers, its body, its next request. */
  readonly perClient: number;
  /** The same for a trusted proxy, as long as it does not say for whom. */
  readonly perProxy: number;
  /** Requests of one connection that have not been answered. No browser and no proxy sends ahead. */
  readonly perConnection: number;
}

export const SOCKET_LIMITS: SocketLimits = { perClient: 200, perProxy: 1000, perConnection: 32 };

/** Nothing that is on its way for less than this is slow. */
const GRACE_MS = 1000;

interface Waiting {
  readonly sinceMs: number;
  readonly end: () => void;
}

/** As whom somebody counts, and how many connections may wait for them. */
interface CountedAs {
  readonly key: string;
  readonly limit: number;
}

interface SocketState {
  readonly peer: CountedAs & { readonly address: string };
  unanswered: number;
  stopWaiting: () => void;
}

/**
 * Keeps one client from taking all connections. What we are still working on for it does not count; what waits for it
 * does, and when there is too much of that the connection ends that has waited the longest. Behind a trusted proxy the
 * client is the one that the proxy names.
 */
export function boundSockets(
  server: Server,
  clock: Clock,
  trusts: TrustProxy,
  limits: SocketLimits = SOCKET_LIMITS,
): void {
  const waitingOf = new Map<string, Set<Waiting>>();

  /** Counts one more that waits for `key`, and answers what takes it off again. */
  const wait = ({ key, limit }: CountedAs, end: () => void): (() => void) => {
    const nowMs = clock.nowMs();
    const waiting = waitingOf.get(key) ?? new Set();
    waitingOf.set(key, waiting);
    const one: Waiting = { sinceMs: nowMs, end };
    waiting.add(one);
    // In the order in which they began; a clock that has gone back makes nobody slow.
    const [oldest] = waiting;
    if (waiting.size > limit && oldest !== undefined && nowMs - oldest.sinceMs >= GRACE_MS) oldest.end();
    return () => {
      waiting.delete(one);
      if (waiting.size === 0 && waitingOf.get(key) === waiting) waitingOf.delete(key);
    };
  };

  const countedAs = (address: string): CountedAs => ({
    key: clientKey(address),
    limit: trusts(address) ? limits.perProxy : limits.perClient,
  });
  const states = new WeakMap<Socket, SocketState>();

  server.on('connection', (socket: Socket) => {
    const address = clientAddress(socket.remoteAddress ?? 'unknown', undefined, trusts);
    // Once for all requests of the connection.
    const peer = { address, ...countedAs(address) };
    const state: SocketState = { peer, unanswered: 0, stopWaiting: () => undefined };
    state.stopWaiting = wait(peer, () => socket.destroy());
    states.set(socket, state);
    socket.once('close', () => state.stopWaiting());
  });

  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const state = states.get(socket);
    if (state === undefined) return;
    state.unanswered += 1;
    state.stopWaiting();
    state.stopWaiting = () => undefined;
    if (state.unanswered > limits.perConnection) {
      socket.destroy();
      return;
    }
    if (hasBody(request)) {
      const forwarded = forwardedFor(request);
      const client =
        forwarded === undefined
          ? state.peer
          : countedAs(clientAddress(state.peer.address, forwarded, trusts));
      const stopWaiting = wait(client, () => socket.destroy());
      state.stopWaiting = stopWaiting;
      request.once('end', stopWaiting);
    }
    response.once('close', () => {
      state.unanswered -= 1;
      if (state.unanswered > 0 || socket.destroyed) return;
      state.stopWaiting();
      state.stopWaiting = wait(state.peer, () => socket.destroy());
    });
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function forwardedFor({ headers }: IncomingMessage): string | undefined {
  const value = headers['x-forwarded-for'];
  return typeof value === 'string' ? value : value?.join(',');
}
