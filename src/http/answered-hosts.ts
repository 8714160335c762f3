import type { Context, MiddlewareHandler } from 'hono';
import type { Clients } from './client-address.js';
import { hostHeader } from './cross-site.js';
import { answerProblem } from './problem.js';

/** What proxies add: a request that carries one does not come from this machine, whatever its `Host`. */
const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

export interface HostRules {
  readonly clients: Clients;
  /** Hosts of `PUBLIC_URL`. */
  readonly publicHosts: readonly string[];
  readonly auth: 'token' | 'proxy';
  readonly hasTokens: boolean;
}

/**
 * Answers only what is addressed to a name of this service, so that a web page that points its own name here reads
 * nothing: the browser takes it for the page's own site, and brings its place behind the proxy or on this machine.
 *
 * Loopback names and those of `PUBLIC_URL`. Without any token, loopback alone, and nothing that has passed a proxy. With
 * tokens and without `PUBLIC_URL` every name: the page would need a token.
 */
export function answerOwnHosts(rules: HostRules): MiddlewareHandler {
  const isOpen = rules.auth === 'token' && !rules.hasTokens;
  const answersAll = rules.auth === 'token' && rules.hasTokens && rules.publicHosts.length === 0;
  const hosts = new Set(isOpen ? [] : rules.publicHosts);
  const isOwn = (host: string): boolean => {
    const name = nameOf(host);
    return name !== null && (isLoopbackName(name) || hosts.has(name));
  };
  return async (context, next) => {
    if (answersAll) return next();
    if (!namedHosts(context, rules.clients).every(isOwn)) {
      return answerProblem(
        context,
        421,
        isOpen
          ? 'Without API_TOKENS this service answers only requests addressed to localhost.'
          : 'This service does not answer to this host name: add its address to PUBLIC_URL.',
      );
    }
    if (isOpen && PROXY_HEADERS.some((name) => context.req.header(name) !== undefined)) {
      return answerProblem(
        context,
        403,
        'Without API_TOKENS this service answers no request that has passed a proxy.',
      );
    }
    return next();
  };
}

/** The name alone, as URLs write it; null for what is no host. Ports and a dot at the end say nothing of whose it is. */
export function nameOf(host: string): string | null {
  if (!/^[^\s/?#@\\]+$/.test(host) || !URL.canParse(`http://${host}/`)) return null;
  const name = new URL(`http://${host}/`).hostname.replace(/\.$/, '');
  return name === '' ? null : name;
}

function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(name);
}

/**
 * `Host`, also an empty one, which names nobody, and what a trusted proxy that puts another one in its place says the
 * browser has named.
 */
function namedHosts(context: Context, clients: Clients): string[] {
  const forwarded = clients.isProxied(context) ? context.req.header('x-forwarded-host') : undefined;
  const browserHosts = (forwarded ?? '').split(',').map((host) => host.trim());
  return [hostHeader(context).trim(), ...browserHosts.filter((host) => host !== '')];
}
