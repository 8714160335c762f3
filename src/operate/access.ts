import type { Context, MiddlewareHandler } from 'hono';
import { getCookie } from 'hono/cookie';
import type { Clock } from '../clock.js';
import { hostHeader, isCrossSiteChange } from './cross-site.js';
import { answerProblem } from './problem.js';
import { createSessions, type Session, type Sessions } from './sessions.js';

export interface AccessRules {
  /** `API_TOKENS`. */
  readonly apiTokens: readonly string[];
  /** `proxy`: a proxy in front of this service has already let the request in. */
  readonly auth: 'token' | 'proxy';
}

export type RefusePage = (context: Context, status: 403, sentence: string) => Response | Promise<Response>;

/** Who may ask for what. */
export interface Access {
  readonly sessions: Sessions;
  /** False where nobody has to sign in: behind a proxy that does it, or without any token, on this machine alone. */
  readonly hasSignIn: boolean;
  sessionOf(context: Context): Session | null;
  /** For the API: a token; or the cookie of the pages, which has to send its changes as JSON from our own pages. */
  readonly api: MiddlewareHandler;
  /** For the pages: the cookie or a token, else the way to the sign-in. A form must carry its token, field `csrf`. */
  pages(refuse: RefusePage): MiddlewareHandler;
}

export const SESSION_COOKIE = 'engagement_session';
export const FORM_TOKEN_FIELD = 'csrf';

const LOOPBACK_NAME = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i;
/** What proxies add: a request that carries one does not come from this machine, whatever its `Host`. */
const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];
const CROSS_SITE = 'A page of another site asked for this change.';

/**
 * Tokens are held and compared as SHA-256 hashes, all of them, in constant time.
 *
 * With no token at all the service listens on loopback only; then the `Host` header must name loopback too, so that
 * neither a web page that points its own name at 127.0.0.1 nor a proxy set up without `AUTH` can read the reports.
 * A browser brings its cookie, its place behind the proxy or on this machine to every site it visits, so changes that
 * rely on one of these are taken from our own pages only.
 */
export function createAccess(rules: AccessRules, clock: Clock): Access {
  const sessions = createSessions(rules.apiTokens, clock);
  const hasSignIn = rules.auth === 'token' && rules.apiTokens.length > 0;
  const sessionOf = (context: Context): Session | null =>
    hasSignIn ? sessions.read(getCookie(context, SESSION_COOKIE)) : null;

  /** A sentence when the request has no business here at all. */
  const whyRefused = (context: Context): string | null => {
    if (rules.auth === 'token' && !hasSignIn && !isAskedHere(context)) {
      return 'Without API_TOKENS this service answers only requests addressed to localhost.';
    }
    return isCrossSiteChange(context) ? CROSS_SITE : null;
  };
  /** Null when the request carries no token at all. */
  const hasToken = (context: Context): boolean | null => {
    const authorization = context.req.header('authorization');
    if (authorization === undefined) return null;
    const token = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
    return token !== undefined && sessions.tokenNumber(token) !== null;
  };

  const api: MiddlewareHandler = async (context, next) => {
    const tokenFits = hasSignIn ? hasToken(context) : null;
    if (tokenFits === true) return next();
    const isSignedIn = tokenFits === null && sessionOf(context) !== null;
    if (hasSignIn && !isSignedIn) {
      context.header('www-authenticate', 'Bearer realm="intercom-engagement"');
      return answerProblem(context, 401, 'Send one of the API_TOKENS as "Authorization: Bearer <token>".');
    }
    const refusal = whyRefused(context);
    if (refusal !== null) return answerProblem(context, 403, refusal);
    if (isSignedIn && isChange(context) && !isJson(context)) {
      return answerProblem(context, 403, 'Send changes that rely on the sign-in cookie as application/json.');
    }
    return next();
  };

  const pages = (refuse: RefusePage): MiddlewareHandler => {
    return async (context, next) => {
      const session = sessionOf(context);
      if (hasSignIn && session === null) {
        if (hasToken(context) === true) return next();
        const { pathname, search } = new URL(context.req.url);
        const target = isChange(context) ? '' : `?next=${encodeURIComponent(pathname + search)}`;
        return context.redirect(`/sign-in${target}`, 303);
      }
      const refusal = whyRefused(context);
      if (refusal !== null) return refuse(context, 403, refusal);
      if (isChange(context) && !sessions.isFormToken(await readFormToken(context), session)) {
        return refuse(
          context,
          403,
          'This page was open for too long. Load it again and repeat the last step.',
        );
      }
      return next();
    };
  };

  return { sessions, hasSignIn, sessionOf, api, pages };
}

function isAskedHere(context: Context): boolean {
  const isForwarded = PROXY_HEADERS.some((name) => context.req.header(name) !== undefined);
  return LOOPBACK_NAME.test(hostHeader(context)) && !isForwarded;
}

function isChange(context: Context): boolean {
  return !['GET', 'HEAD'].includes(context.req.method);
}

function isJson(context: Context): boolean {
  return /^application\/json\s*(?:;|$)/i.test(context.req.header('content-type') ?? '');
}

async function readFormToken(context: Context): Promise<string | undefined> {
  const { [FORM_TOKEN_FIELD]: token } = await context.req.parseBody();
  return typeof token === 'string' ? token : undefined;
}
