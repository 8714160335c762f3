import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { answerProblem } from './problem.js';

export interface AccessRules {
  /** `API_TOKENS`. */
  readonly apiTokens: readonly string[];
  /** `proxy`: a proxy in front of this service has already let the request in. */
  readonly auth: 'token' | 'proxy';
}

const LOOPBACK_NAME = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i;

/**
 * Lets a request through that carries one of the tokens. Tokens are held and compared as SHA-256 hashes, all of them,
 * in constant time.
 *
 * With no token at all the service listens on loopback only; then the `Host` header must name loopback too, so that
 * neither a web page that points its own name at 127.0.0.1 nor a proxy set up without `AUTH` can read the reports.
 */
export function requireAccess(rules: AccessRules): MiddlewareHandler {
  const hashes = rules.apiTokens.map(hash);
  return async (context, next) => {
    if (rules.auth === 'proxy') return next();
    if (hashes.length === 0) {
      const host = context.req.header('host') ?? new URL(context.req.url).host;
      if (LOOPBACK_NAME.test(host)) return next();
      return answerProblem(
        context,
        403,
        'Without API_TOKENS this service answers only requests addressed to localhost.',
      );
    }
    const token = /^Bearer +(\S+) *$/i.exec(context.req.header('authorization') ?? '')?.[1];
    const given = hash(token ?? '');
    const matches = hashes.filter((known) => timingSafeEqual(known, given)).length;
    if (token !== undefined && matches > 0) return next();
    context.header('www-authenticate', 'Bearer realm="intercom-engagement"');
    return answerProblem(context, 401, 'Send one of the API_TOKENS as "Authorization: Bearer <token>".');
  };
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
