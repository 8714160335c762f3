import { expect, test } from 'vitest';
import { createApp } from '../src/app.js';
import { API_TOKEN, createHarness, type Harness } from './support/harness.js';

/**
 * Who is to be let in where. Every address of the app stands here: one that is added without an entry fails.
 *
 * `api`: a token; or the cookie, with JSON from our own pages for changes · `page`: the cookie or a token; forms carry
 * theirs · `open`: everybody, it shows nothing of members · `signed`: whoever signs the body · `sign-in`: whoever brings
 * a token in the form.
 */
const KINDS: Readonly<Record<string, Kind>> = {
  'GET /webhooks/intercom': 'open',
  'POST /webhooks/intercom': 'signed',
  'GET /healthz': 'open',
  'GET /readyz': 'open',
  'GET /metrics': 'api',
  'GET /openapi.json': 'api',
  'GET /docs': 'api',
  'GET /docs/style.css': 'api',
  'GET /API/intercom/members/:id': 'api',
  'GET /API/intercom/glossary': 'api',
  'GET /API/intercom/overview': 'api',
  'POST /API/intercom/overview': 'api',
  'GET /API/intercom/caseload': 'api',
  'POST /API/intercom/caseload': 'api',
  'GET /API/intercom/sessions': 'api',
  'POST /API/intercom/sessions': 'api',
  'GET /API/intercom/new-participants': 'api',
  'POST /API/intercom/new-participants': 'api',
  'GET /API/intercom/billing': 'api',
  'POST /API/intercom/billing': 'api',
  'GET /API/intercom/upcoming': 'api',
  'POST /API/intercom/upcoming': 'api',
  'GET /API/intercom/data-quality': 'api',
  'POST /API/intercom/data-quality': 'api',
  'GET /API/intercom/report/engagement': 'api',
  'POST /API/intercom/report/engagement': 'api',
  'POST /API/intercom/session-sync': 'api',
  'POST /API/intercom/engagement-sync': 'api',
  'POST /API/intercom/referral-sync': 'api',
  'POST /API/intercom/reconcile': 'api',
  'GET /API/intercom/runs': 'api',
  'GET /API/intercom/runs/:id': 'api',
  'GET /API/intercom/runs/:id/drift': 'api',
  'GET /API/intercom/parked': 'api',
  'POST /API/intercom/replay': 'api',
  'GET /': 'open',
  'GET /assets/:file': 'open',
  'GET /sign-in': 'open',
  'POST /sign-in': 'sign-in',
  'POST /sign-out': 'page',
  'GET /intercom': 'page',
  'GET /intercom/caseload': 'page',
  'GET /intercom/caseload.csv': 'page',
  'GET /intercom/sessions': 'page',
  'GET /intercom/sessions.csv': 'page',
  'GET /intercom/new-participants': 'page',
  'GET /intercom/new-participants.csv': 'page',
  'GET /intercom/billing': 'page',
  'GET /intercom/billing.csv': 'page',
  'GET /intercom/upcoming': 'page',
  'GET /intercom/upcoming.csv': 'page',
  'GET /intercom/data-quality': 'page',
  'GET /intercom/data-quality.csv': 'page',
  'GET /intercom/members/:id': 'page',
  'GET /intercom/activity': 'page',
  'POST /intercom/activity/replay': 'page',
  'GET /intercom/activity/runs/:id': 'page',
  'POST /intercom/activity/runs': 'page',
};

interface Caller {
  readonly name: string;
  readonly headers: Record<string, string>;
  /** Carries the token of our own forms. */
  readonly hasFormToken?: boolean;
  /** Who holds the connection; a proxy on this machine when left out. */
  readonly peer?: string;
}

type Verdict = 'passes' | 'unauthorized' | 'unsigned' | 'to sign-in' | 'forbidden' | 'misdirected';

interface Expectations extends Caller {
  readonly api: readonly [get: Verdict, post: Verdict];
  readonly page: readonly [get: Verdict, post: Verdict];
}

/** On every answer there is. */
const ALWAYS = {
  'content-security-policy': "default-src 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
};

interface Route {
  readonly method: string;
  /** As the app knows it, with its parameters. */
  readonly pattern: string;
  readonly path: string;
}

/** Everything the app answers, middleware aside. */
const routesOf = ({ app }: Pick<Harness, 'app'>): Route[] => {
  const routes = app.routes
    .filter(({ method, path }) => method !== 'ALL' && !path.includes('*'))
    .map(({ method, path }) => ({ method, pattern: path.replace(/(.)\/$/, '$1') }))
    .map((route) => ({ ...route, path: route.pattern.replace(/:\w+/g, 'x') }));
  return [...new Map(routes.map((route) => [nameOf(route), route])).values()];
};

const nameOf = ({ method, pattern }: Pick<Route, 'method' | 'pattern'>): string => `${method} ${pattern}`;

function verdictOf(answer: Response): Verdict {
  // The webhook does not ask for a token, so it names none.
  if (answer.status === 401) return answer.headers.has('www-authenticate') ? 'unauthorized' : 'unsigned';
  if (answer.status === 415) return 'unsigned';
  if (answer.status === 421) return 'misdirected';
  if (answer.status === 403) return 'forbidden';
  return answer.headers.get('location')?.startsWith('/sign-in') === true && answer.status === 303
    ? 'to sign-in'
    : 'passes';
}

/** Each request comes from another address: nobody is slowed for what others have guessed. */
let addresses = 0;

async function ask(
  { app }: Pick<Harness, 'app'>,
  route: Route,
  caller: Caller,
  csrf: string,
): Promise<Response> {
  const { method, path } = route;
  const isForm = caller.headers['content-type'] === 'application/x-www-form-urlencoded';
  const fields: Record<string, string> = caller.hasFormToken === true ? { csrf } : {};
  const body = isForm ? new URLSearchParams(fields).toString() : '{}';
  addresses += 1;
  const client = `198.51.${Math.floor(addresses / 256)}.${addresses % 256}`;
  const headers = { 'x-forwarded-for': client, ...caller.headers };
  const peer = { incoming: { socket: { remoteAddress: caller.peer ?? '127.0.0.1' } } };
  return app.request(path, method === 'GET' ? { method, headers } : { method, headers, body }, peer);
}

type Kind = 'api' | 'page' | 'open' | 'signed' | 'sign-in';

function expectedOf(kind: Kind | undefined, { method }: Route, caller: Expectations): Verdict {
  const at = method === 'GET' ? 0 : 1;
  switch (kind) {
    case 'api':
      return caller.api[at];
    case 'page':
      return caller.page[at];
    case 'signed':
      return 'unsigned';
    case 'sign-in':
      return 'forbidden';
    case 'open':
    case undefined:
      return 'passes';
  }
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
  const callers: Expectations[] = [
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
  for (const caller of callers) {
    for (const route of routes) {
      const kind = KINDS[nameOf(route)];
      const expected = expectedOf(kind, route, caller);
      // Signing out leads to the sign-in too, and would end the cookie for all that follows.
      if (route.path === '/sign-out' && expected === 'passes') continue;
      const answer = await ask(harness, route, caller, csrf);
      const verdict = verdictOf(answer);
      if (verdict !== expected) {
        wrong.push(`${nameOf(route)} by ${caller.name}: ${answer.status}, not ${expected}`);
      }
      // Everything an answer shows is personal data or none of anybody's business.
      for (const [name, value] of Object.entries(ALWAYS)) {
        if (answer.headers.get(name)?.includes(value) !== true) {
          wrong.push(`${nameOf(route)} by ${caller.name}: no ${name}`);
        }
      }
    }
  }
  expect(wrong).toEqual([]);
});

test('behind a proxy every address lets in exactly whom it should', async () => {
  const harness = await createHarness();
  const app = createApp({
    ...harness.appDeps,
    access: {
      apiTokens: [API_TOKEN],
      auth: 'proxy',
      publicHosts: ['reports.example'],
      trustedProxies: ['10.0.0.0/8'],
    },
  });
  const through = { peer: '10.1.2.3' };
  const host = { host: 'reports.example' };
  const page = await app.request(
    '/intercom/activity',
    { headers: host },
    { incoming: { socket: { remoteAddress: through.peer } } },
  );
  const csrf = /name="csrf" value="([^"]+)"/.exec(await page.text())?.[1] ?? '';
  const fromPage = { origin: 'https://reports.example', 'sec-fetch-site': 'same-origin' };
  const callers: Expectations[] = [
    {
      name: 'somebody whom the proxy has let in',
      ...through,
      headers: { ...JSON_TYPE, ...host, ...fromPage },
      api: ['passes', 'passes'],
      page: ['passes', 'forbidden'],
    },
    {
      name: 'the same with a form of ours',
      ...through,
      headers: { ...FORM, ...host, ...fromPage },
      hasFormToken: true,
      api: ['passes', 'passes'],
      page: ['passes', 'passes'],
    },
    {
      name: 'a page of another site in a browser that the proxy has let in',
      ...through,
      headers: { ...FORM, ...host, origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' },
      hasFormToken: true,
      api: ['passes', 'forbidden'],
      page: ['passes', 'forbidden'],
    },
    {
      name: 'a page whose own name leads here',
      ...through,
      headers: {
        ...FORM,
        host: 'rebound.example',
        origin: 'http://rebound.example',
        'sec-fetch-site': 'same-origin',
      },
      hasFormToken: true,
      api: ['misdirected', 'misdirected'],
      page: ['misdirected', 'misdirected'],
    },
    {
      name: 'somebody who goes past the proxy',
      peer: '203.0.113.5',
      headers: { ...FORM, ...host, 'x-forwarded-for': '10.1.2.3' },
      hasFormToken: true,
      api: ['forbidden', 'forbidden'],
      page: ['forbidden', 'forbidden'],
    },
    {
      name: 'a program with the right token, past the proxy',
      peer: '203.0.113.5',
      headers: { ...FORM, ...host, authorization: `Bearer ${API_TOKEN}` },
      api: ['passes', 'passes'],
      page: ['passes', 'passes'],
    },
    {
      name: 'a program with a wrong token, through the proxy',
      ...through,
      headers: { ...FORM, ...host, ...fromPage, authorization: 'Bearer wrong-token-0123456789' },
      hasFormToken: true,
      api: ['unauthorized', 'unauthorized'],
      page: ['unauthorized', 'unauthorized'],
    },
  ];
  const wrong: string[] = [];
  for (const caller of callers) {
    for (const route of routesOf({ app })) {
      const kind = KINDS[nameOf(route)];
      const isForAll = /^\/(?:webhooks|healthz|readyz)/.test(route.path);
      const isMisdirected = caller.api[0] === 'misdirected' && !isForAll;
      // Nobody signs in here, so the sign-in leads on.
      const expected = kind === 'sign-in' ? 'passes' : expectedOf(kind, route, caller);
      const verdict = verdictOf(await ask({ app }, route, caller, csrf));
      const isSignOut = route.path === '/sign-out' && verdict === 'to sign-in' && expected === 'passes';
      if (!isSignOut && verdict !== (isMisdirected ? 'misdirected' : expected)) {
        wrong.push(`${nameOf(route)} by ${caller.name}: ${verdict}, not ${expected}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

test('every address of the app stands in the table, and nothing else does', async () => {
  expect(
    routesOf(await createHarness())
      .map(nameOf)
      .sort(),
  ).toEqual(Object.keys(KINDS).sort());
});

test('no other method gets anything anywhere', async () => {
  const harness = await createHarness();
  const { cookie } = await signIn(harness);
  const wrong: string[] = [];
  for (const path of new Set(routesOf(harness).map((route) => route.path))) {
    for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      for (const headers of [{}, { cookie }, { authorization: `Bearer ${API_TOKEN}` }]) {
        const { status } = await harness.app.request(path, { method, headers });
        if (![303, 401, 403, 404, 405].includes(status)) wrong.push(`${method} ${path}: ${status}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

test('no address takes a longer body than it needs, declared or not', async () => {
  const harness = await createHarness();
  const headers = { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' };
  const long = new Uint8Array(64 * 1024 + 1).fill(0x20);
  const wrong: string[] = [];
  for (const route of routesOf(harness).filter(({ method }) => method === 'POST')) {
    if (KINDS[nameOf(route)] === 'signed') continue;
    const declared = { ...headers, 'content-length': String(long.length) };
    for (const sent of [declared, headers]) {
      const { status } = await harness.app.request(route.path, { method: 'POST', headers: sent, body: long });
      if (status !== 413) wrong.push(`${nameOf(route)}: ${status}`);
    }
  }
  expect(wrong).toEqual([]);
});
