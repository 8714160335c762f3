import type { Context, MiddlewareHandler } from 'hono';
import { getCookie } from 'hono/cookie';
import { nowAt, type Clock } from '../clock.js';
import type { Log } from '../log.js';
import type { SignInStore } from '../store/ports/sign-ins.js';
import { createBoundedLog } from './bounded-log.js';
import type { Clients } from './client-address.js';
import { isCrossSiteChange } from './cross-site.js';
import type { Metrics } from '../watch/metrics.js';
import { answerProblem } from './problem.js';
import { createLogins, type Login, type Logins } from './logins.js';
import { createWrongTokens, type TokenWay } from './wrong-tokens.js';

export interface AccessRules {
  /** `API_TOKENS`. */
  readonly apiTokens: readonly string[];
  /** `proxy`: a proxy in front of this service has already let the request in. */
  readonly auth: 'token' | 'proxy';
  /** Hosts of `PUBLIC_URL`; see `answered-hosts.ts`. */
  readonly publicHosts?: readonly string[];
  /** `TRUSTED_PROXIES`. */
  readonly trustedProxies?: readonly string[];
}

export interface AccessDeps {
  readonly rules: AccessRules;
  readonly clients: Clients;
  readonly store: SignInStore;
  /** See {@link createLogins}. */
  readonly formKey?: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'wrongTokens'>;
}

export type RefusePage = (context: Context, status: 403, sentence: string) => Response | Promise<Response>;

/** Who may ask for what. */
export interface Access {
  readonly logins: Logins;
  /** False where nobody has to sign in: behind a proxy that does it, or without any token, on this machine alone. */
  readonly hasSignIn: boolean;
  /** Rejects when the store cannot say whether the login was ended. */
  loginOf(context: Context): Promise<Login | null>;
  /** Ends the login of the request, for this process and all others. */
  endLogin(context: Context): Promise<void>;
  /** Counts a wrong token of whoever asks; see {@link WrongTokens.count}. */
  countWrongToken(context: Context, way: TokenWay): Promise<number>;
  /** For the API: a token; or the cookie of the pages, which has to send its changes as JSON from our own pages. */
  readonly api: MiddlewareHandler;
  /** For the pages: the cookie or a token, else the way to the sign-in. A form must carry its token, field `csrf`. */
  pages(refuse: RefusePage): MiddlewareHandler;
}

export const LOGIN_COOKIE = 'engagement_session';
export const FORM_TOKEN_FIELD = 'csrf';

const CROSS_SITE = 'A page of another site asked for this change.';
const NO_PROXY =
  'With AUTH=proxy this service answers only the proxies of TRUSTED_PROXIES, or one of API_TOKENS.';

/**
 * Tokens are held and compared as SHA-256 hashes, all of them, in constant time, and before anything else: a right one
 * is let in whatever others from its address have sent.
 *
 * With `AUTH=proxy` only a trusted proxy is let in without a token; one that is sent is still looked at. A browser brings
 * its cookie, its place behind the proxy or on this machine to every site it visits, so changes that rely on one of
 * these are taken from our own pages only. Which names are answered at all is settled before, in `answered-hosts.ts`.
 */
export function createAccess({ rules, clients, store, formKey, clock, log, metrics }: AccessDeps): Access {
  const logins = createLogins(rules.apiTokens, clock, formKey);
  const wrongTokens = createWrongTokens({ store, key: logins.clientKey, clock, log, metrics });
  const warn = createBoundedLog(log, clock);
  const hasTokens = rules.apiTokens.length > 0;
  const hasSignIn = rules.auth === 'token' && hasTokens;
  const known = new WeakMap<Context, Promise<Login | null>>();

  const readLogin = async (context: Context): Promise<Login | null> => {
    const login = hasSignIn ? logins.read(getCookie(context, LOGIN_COOKIE)) : null;
    return login === null || (await store.isLoginEnded(login)) ? null : login;
  };
  const loginOf = (context: Context): Promise<Login | null> => {
    const login = known.get(context) ?? readLogin(context);
    known.set(context, login);
    return login;
  };

  const countWrongToken = (context: Context, way: TokenWay): Promise<number> =>
    wrongTokens.count({ address: clients.addressOf(context), key: clients.keyOf(context) }, way);

  /** A sentence when the request has no business here at all. */
  const whyRefused = (context: Context): string | null => {
    if (rules.auth === 'proxy' && !clients.isProxied(context)) {
      warn(
        { peer: clients.peerOf(context), setting: 'TRUSTED_PROXIES' },
        'a request came from no trusted proxy',
      );
      return NO_PROXY;
    }
    return isCrossSiteChange(context) ? CROSS_SITE : null;
  };
  /** `none`: nothing that claims to be one of our tokens. A proxy may send credentials of its own kind. */
  const tokenOf = (context: Context): 'right' | 'wrong' | 'none' => {
    const authorization = context.req.header('authorization');
    if (!hasTokens || authorization === undefined) return 'none';
    const token = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
    if (token !== undefined) return logins.tokenNumber(token) === null ? 'wrong' : 'right';
    return hasSignIn || /^Bearer\b/i.test(authorization) ? 'wrong' : 'none';
  };
  const refuseToken = async (context: Context): Promise<Response> => {
    const seconds = isGuess(context) ? await countWrongToken(context, 'bearer') : 0;
    context.header('www-authenticate', 'Bearer realm="intercom-engagement"');
    if (seconds === 0) return answerProblem(context, 401, SEND_TOKEN);
    context.header('retry-after', String(seconds));
    return answerProblem(
      context,
      429,
      'Too many wrong tokens from this address. A right one is still let in.',
    );
  };

  const api: MiddlewareHandler = async (context, next) => {
    const token = tokenOf(context);
    if (token === 'right') return next();
    if (token === 'wrong') return refuseToken(context);
    const isSignedIn = (await loginOf(context)) !== null;
    if (hasSignIn && !isSignedIn) return refuseToken(context);
    const refusal = whyRefused(context);
    if (refusal !== null) return answerProblem(context, 403, refusal);
    if (isSignedIn && isChange(context) && !isJson(context)) {
      return answerProblem(context, 403, 'Send changes that rely on the sign-in cookie as application/json.');
    }
    return next();
  };

  const pages = (refuse: RefusePage): MiddlewareHandler => {
    return async (context, next) => {
      const login = await loginOf(context);
      if (login === null) {
        const token = tokenOf(context);
        if (token === 'right') return next();
        if (token === 'wrong' && !hasSignIn) return refuseToken(context);
        if (hasSignIn) {
          const seconds =
            token === 'wrong' && isGuess(context) ? await countWrongToken(context, 'bearer') : 0;
          if (seconds > 0) context.header('retry-after', String(seconds));
          const { pathname, search } = new URL(context.req.url);
          const target = isChange(context) ? '' : `?next=${encodeURIComponent(pathname + search)}`;
          return context.redirect(`/sign-in${target}`, 303);
        }
      }
      const refusal = whyRefused(context);
      if (refusal !== null) return refuse(context, 403, refusal);
      if (isChange(context) && !logins.isFormToken(await readFormToken(context), login)) {
        return refuse(
          context,
          403,
          'This page was open for too long. Load it again and repeat the last step.',
        );
      }
      return next();
    };
  };

  return {
    logins,
    hasSignIn,
    loginOf,
    endLogin: async (context) => {
      const login = await loginOf(context);
      if (login !== null) await store.endLogin({ ...login, nowAt: nowAt(clock) });
    },
    countWrongToken,
    api,
    pages,
  };
}

const SEND_TOKEN = 'Send one of the API_TOKENS as "Authorization: Bearer <token>".';

/** A header that holds some token, right or wrong; without one nothing was guessed. */
function isGuess(context: Context): boolean {
  return /^Bearer +\S/i.test(context.req.header('authorization') ?? '');
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
