import { expect, test } from 'vitest';
import { API_TOKEN, createHarness, type Harness } from './support/harness.js';

/** What may be asked by anybody: each proves by itself what it needs, or shows nothing. */
const OPEN = new Set(['/webhooks/intercom', '/healthz', '/readyz', '/assets/x', '/sign-in', '/']);

interface Caller {
  readonly name: string;
  readonly headers: Record<string, string>;
  /** Carries the token of our own forms. */
  readonly hasFormToken?: boolean;
}

type Verdict = 'passes' | 'unauthorized' | 'to sign-in' | 'forbidden';

interface Route {
  readonly method: string;
  readonly path: string;
}

const routesOf = ({ app }: Harness): Route[] => {
  const routes = app.routes
    .filter(({ method, path }) => method !== 'ALL' && !path.includes('*'))
    .map(({ method, path }) => ({ method, path: path.replace(/:\w+/g, 'x') }));
  return [...new Map(routes.map((route) => [`${route.method} ${route.path}`, route])).values()];
};

function verdictOf(answer: Response): Verdict {
  if (answer.status === 401) return 'unauthorized';
  if (answer.status === 403) return 'forbidden';
  return answer.headers.get('location')?.startsWith('/sign-in') === true && answer.status === 303
    ? 'to sign-in'
    : 'passes';
}

async function ask(
  harness: Harness,
  { method, path }: Route,
  caller: Caller,
  csrf: string,
): Promise<Verdict> {
  const isForm = caller.headers['content-type'] === 'application/x-www-form-urlencoded';
  const fields: Record<string, string> = caller.hasFormToken === true ? { csrf } : {};
  const body = isForm ? new URLSearchParams(fields).toString() : '{}';
  const { headers } = caller;
  return verdictOf(
    await harness.app.request(path, method === 'GET' ? { method, headers } : { method, headers, body }),
  );
}

async function signIn({ app }: Harness): Promise<{ readonly cookie: string; readonly csrf: string }> {
  const answer = await app.request('/sign-in', {
    method: 'POST',
    body: new URLSearchParams({ token: API_TOKEN }),
  });
  const cookie = /^[^;]+/.exec(answer.headers.get('set-cookie') ?? '')?.[0] ?? '';
  const page = await (await app.request('/intercom/activity', { headers: { cookie } })).text();
  return { cookie, csrf: /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? '' };
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const JSON_TYPE = { 'content-type': 'application/json' };

test('every address lets in exactly whom it should', async () => {
  const harness = await createHarness();
  const { cookie, csrf } = await signIn(harness);
  const elsewhere = { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' };
  const callers: (Caller & {
    readonly api: [get: Verdict, post: Verdict];
    readonly page: [Verdict, Verdict];
  })[] = [
    {
      name: 'nobody',
      headers: FORM,
      api: ['unauthorized', 'unauthorized'],
      page: ['to sign-in', 'to sign-in'],
    },
    {
      name: 'a wrong token',
      headers: { ...JSON_TYPE, authorization: 'Bearer wrong-token-0123456789' },
      api: ['unauthorized', 'unauthorized'],
      page: ['to sign-in', 'to sign-in'],
    },
    {
      name: 'a wrong token beside a good cookie',
      headers: { ...JSON_TYPE, cookie, authorization: 'Bearer wrong-token-0123456789' },
      api: ['unauthorized', 'unauthorized'],
      page: ['passes', 'forbidden'],
    },
    {
      name: 'a cookie that was changed',
      headers: { ...JSON_TYPE, cookie: `${cookie}0` },
      api: ['unauthorized', 'unauthorized'],
      page: ['to sign-in', 'to sign-in'],
    },
    {
      name: 'the right token, with a form as curl sends it',
      headers: { ...FORM, authorization: `Bearer ${API_TOKEN}` },
      api: ['passes', 'passes'],
      page: ['passes', 'passes'],
    },
    {
      name: 'the cookie and a form without token',
      headers: { ...FORM, cookie },
      api: ['passes', 'forbidden'],
      page: ['passes', 'forbidden'],
    },
    {
      name: 'the cookie and JSON',
      headers: { ...JSON_TYPE, cookie, 'sec-fetch-site': 'same-origin' },
      api: ['passes', 'passes'],
      page: ['passes', 'forbidden'],
    },
    {
      name: 'the cookie and JSON from another site',
      headers: { ...JSON_TYPE, cookie, ...elsewhere },
      api: ['passes', 'forbidden'],
      page: ['passes', 'forbidden'],
    },
    {
      name: 'the cookie and a form with its token from another site',
      headers: { ...FORM, cookie, ...elsewhere },
      hasFormToken: true,
      api: ['passes', 'forbidden'],
      page: ['passes', 'forbidden'],
    },
    {
      name: 'the cookie and a form with its token from a browser that says only the origin',
      headers: { ...FORM, cookie, origin: 'https://elsewhere.example' },
      hasFormToken: true,
      api: ['passes', 'forbidden'],
      page: ['passes', 'forbidden'],
    },
    {
      name: 'the cookie and a form with its token',
      headers: { ...FORM, cookie, origin: 'http://localhost', 'sec-fetch-site': 'same-origin' },
      hasFormToken: true,
      api: ['passes', 'forbidden'],
      page: ['passes', 'passes'],
    },
  ];
  const wrong: string[] = [];
  const routes = routesOf(harness);
  expect(routes.length).toBeGreaterThan(15);
  for (const caller of callers) {
    for (const route of routes) {
      // Its own tests say whom the sign-in and the webhook take.
      if (OPEN.has(route.path)) continue;
      const isPage = route.path === '/sign-out' || route.path.startsWith('/intercom');
      const expected = (isPage ? caller.page : caller.api)[route.method === 'GET' ? 0 : 1];
      // Signing out leads to the sign-in too, and would end the cookie for all that follows.
      if (route.path === '/sign-out' && expected === 'passes') continue;
      const verdict = await ask(harness, route, caller, csrf);
      if (verdict !== expected) {
        wrong.push(`${route.method} ${route.path} by ${caller.name}: ${verdict}, not ${expected}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

test('what is open to all asks nobody to sign in', async () => {
  const harness = await createHarness();
  for (const route of routesOf(harness).filter(({ path, method }) => OPEN.has(path) && method === 'GET')) {
    const { status } = await harness.app.request(route.path);
    expect([200, 303, 404, 503]).toContain(status);
  }
});
