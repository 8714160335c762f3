import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context } from 'hono';
import { DEFAULT_TRUSTED_PROXIES, trustProxies, type TrustProxy } from '../config/trusted-proxies.js';

/** Who asks, whatever stands in between. */
export interface Clients {
  /** The address of the client, as the trusted proxies say it. */
  readonly addressOf: (context: Context) => string;
  /** What is counted as one client: an IPv4 address, or the /64 that one IPv6 client has to itself. */
  readonly keyOf: (context: Context) => string;
  /** Whether whoever holds the connection is a trusted proxy. */
  readonly isProxied: (context: Context) => boolean;
  /** Address of whoever holds the connection. */
  readonly peerOf: (context: Context) => string;
}

/** @param trustedProxies addresses, CIDRs, or names that `proxy-addr` knows */
export function createClients(trustedProxies: readonly string[] = DEFAULT_TRUSTED_PROXIES): Clients {
  const trusts = trustProxies(trustedProxies);
  const addressOf = (context: Context): string =>
    clientAddress(peerOf(context), context.req.header('x-forwarded-for'), trusts);
  return {
    addressOf,
    keyOf: (context) => clientKey(addressOf(context)),
    isProxied: (context) => trusts(peerOf(context)),
    peerOf,
  };
}

/**
 * The last address that no trusted proxy has: each proxy adds the one it was asked from at the end of
 * `X-Forwarded-For`, so what stands before the first untrusted one is only claimed.
 */
export function clientAddress(peer: string, forwardedFor: string | undefined, trusts: TrustProxy): string {
  const claimed = (forwardedFor ?? '').split(',').flatMap((part) => {
    const address = withoutPort(part.trim());
    return address === '' ? [] : [address];
  });
  let address = peer;
  for (const next of claimed.toReversed()) {
    if (!trusts(address)) break;
    address = next;
  }
  return plainAddress(address);
}

/** `unknown` for what is no address, so that nobody is counted as many by making some up. */
export function clientKey(address: string): string {
  if (IPV4.test(address)) return address;
  return URL.canParse(`http://[${address}]/`) ? networkOf(address) : 'unknown';
}

const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/** IPv4 addresses that arrive on an IPv6 socket are written as such. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d{1,3}(?:\.\d{1,3}){3}$)/i, '').slice(0, 64);
}

/** Some proxies add the port: `198.51.100.7:41230`, `[2001:db8::1]:41230`. */
function withoutPort(text: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? text.replace(/^(\d{1,3}(?:\.\d{1,3}){3}):\d+$/, '$1');
}

/** The first four groups of an IPv6 address. */
function networkOf(address: string): string {
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const groupsOf = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const first = groupsOf(head);
  const last = tail === undefined ? [] : groupsOf(tail);
  const between = Array.from({ length: 8 - first.length - last.length }, () => '0');
  return `${[...first, ...between, ...last].slice(0, 4).join(':')}::/64`;
}

/** Without a socket there is no network in between: a request that is handed over in this process. */
function peerOf(context: Context): string {
  const hasSocket = context.env !== undefined && 'incoming' in Object(context.env);
  return hasSocket ? (getConnInfo(context).remote.address ?? 'unknown') : '127.0.0.1';
}
