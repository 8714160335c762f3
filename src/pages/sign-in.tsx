import { Hono, type Context } from 'hono';
import { deleteCookie, setCookie } from 'hono/cookie';
import { LOGIN_COOKIE, type Access } from '../http/access.js';
import { isCrossSiteChange } from '../http/cross-site.js';
import { SESSION_SECONDS } from '../http/logins.js';
import { Notice } from './parts/notice.js';
import type { Render, View } from './render.js';

export interface SignInDeps {
  readonly access: Access;
  readonly render: Render;
}

/** `/sign-in` takes a token once and gives a cookie for it. Signing out is a form of the pages behind it. */
export function createSignInRoutes(deps: SignInDeps): Hono {
  const { access, render } = deps;
  const routes = new Hono();

  routes.get('/sign-in', async (context): Promise<Response> => {
    const next = pathAfterSignIn(context.req.query('next'));
    if (!access.hasSignIn || (await access.loginOf(context)) !== null) return context.redirect(next, 303);
    return render(context, signInView(next, null));
  });

  routes.post('/sign-in', async (context): Promise<Response> => {
    const form = await context.req.parseBody();
    const next = pathAfterSignIn(textOf(form['next']));
    if (!access.hasSignIn) return context.redirect(next, 303);
    if (isCrossSiteChange(context)) {
      return render(context, signInView(next, { status: 403, sentence: 'Sign in from this page itself.' }));
    }
    const tokenNumber = access.logins.tokenNumber((textOf(form['token']) ?? '').trim());
    if (tokenNumber === null) {
      const seconds = await access.countWrongToken(context, 'sign_in');
      const wrong = 'That token isn’t valid.';
      if (seconds === 0) return render(context, signInView(next, { status: 403, sentence: wrong }));
      context.header('retry-after', String(seconds));
      const sentence = `${wrong} Too many wrong tokens came from this address, so answers take longer for a while.`;
      return render(context, signInView(next, { status: 429, sentence }));
    }
    setCookie(context, LOGIN_COOKIE, access.logins.open(tokenNumber), {
      path: '/',
      httpOnly: true,
      sameSite: 'Lax',
      secure: isHttps(context),
      maxAge: SESSION_SECONDS,
    });
    return context.redirect(next, 303);
  });
  return routes;
}

/** Ends the login on the server and in the browser. Rejects when the server cannot keep that. */
export async function signOut(context: Context, access: Access): Promise<Response> {
  await access.endLogin(context);
  deleteCookie(context, LOGIN_COOKIE, { path: '/', secure: isHttps(context) });
  return context.redirect('/sign-in', 303);
}

/** Only a place on this site's pages: a link must not lead people on to somebody else's. */
export function pathAfterSignIn(next: string | undefined): string {
  const here = 'http://here.invalid';
  if (next === undefined || !URL.canParse(next, here)) return '/intercom';
  const { origin, pathname, search } = new URL(next, here);
  const isPage = pathname === '/docs' || pathname === '/intercom' || pathname.startsWith('/intercom/');
  return origin === here && isPage ? pathname + search : '/intercom';
}

/** A proxy that speaks https to the browser says so; whoever lies about it only loses their own cookie. */
function isHttps(context: Context): boolean {
  // Several proxies make a list of it: the first one speaks to the browser.
  const said = context.req.header('x-forwarded-proto')?.split(',')[0]?.trim().toLowerCase();
  return (said ?? new URL(context.req.url).protocol.replace(':', '')) === 'https';
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function signInView(next: string, refusal: { status: 403 | 429; sentence: string } | null): View {
  return {
    title: 'Sign in',
    current: null,
    isPublic: true,
    ...(refusal === null ? {} : { status: refusal.status }),
    body: () => (
      <article class="sign-in">
        <h1>Sign in</h1>
        <p>These pages show members’ personal data. Sign in with one of the tokens of this service.</p>
        {refusal !== null && (
          <Notice id="refusal" tone="problem" role="alert">
            {refusal.sentence}
          </Notice>
        )}
        <form method="post" action="/sign-in">
          <input type="hidden" name="next" value={next} />
          <label>
            Token
            <input
              type="password"
              name="token"
              required
              autocomplete="current-password"
              {...(refusal === null ? {} : { 'aria-invalid': 'true', 'aria-describedby': 'refusal' })}
            />
          </label>
          <button type="submit">Sign in</button>
        </form>
      </article>
    ),
  };
}
