import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createApp } from '../src/app.js';
import { AppError } from '../src/errors.js';
import { createLogins, SESSION_SECONDS } from '../src/http/logins.js';
import { API_TOKEN, createHarness, type Harness } from './support/harness.js';
import { temporaryDirectory } from './support/command-line.js';
import { createMovedClock, type MovedClock } from './support/moved-clock.js';

const WRONG_TOKEN = 'wrong-token-0123456789';

interface Sending {
  readonly token?: string;
  readonly next?: string;
  readonly headers?: Record<string, string>;
}

async function signIn(app: Harness['app'], { token = API_TOKEN, next, headers = {} }: Sending = {}) {
  return app.request('/sign-in', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams({ token, ...(next === undefined ? {} : { next }) }).toString(),
  });
}

function cookieOf(answer: Response): string {
  return /^[^;]+/.exec(answer.headers.get('set-cookie') ?? '')?.[0] ?? '';
}

async function formTokenOf(app: Harness['app'], cookie: string): Promise<string> {
  const page = await (await app.request('/intercom/activity', { headers: { cookie } })).text();
  return /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? '';
}

test('a token is exchanged for a cookie that no script can read', async () => {
  const { app } = await createHarness();
  const answer = await signIn(app);
  expect(answer.status).toBe(303);
  expect(answer.headers.get('location')).toBe('/intercom');
  const cookie = answer.headers.get('set-cookie') ?? '';
  expect(cookie).toContain('HttpOnly');
  expect(cookie).toContain('SameSite=Lax');
  expect(cookie).toContain(`Max-Age=${SESSION_SECONDS}`);
  expect(cookie).not.toContain('Secure');
  expect(cookie).not.toContain(API_TOKEN);
  const page = await app.request('/intercom/activity', { headers: { cookie: cookieOf(answer) } });
  expect(page.status).toBe(200);
  expect(page.headers.get('cache-control')).toBe('no-store');
});

test('behind https the cookie is sent over https only', async () => {
  const { app } = await createHarness();
  // A load balancer in front of a proxy makes a list of it.
  for (const proto of ['https', 'HTTPS', 'https, http']) {
    const answer = await signIn(app, { headers: { 'x-forwarded-proto': proto } });
    expect(answer.headers.get('set-cookie')).toContain('Secure');
  }
});

test('without sign-in every page leads to it, and back', async () => {
  const { app } = await createHarness();
  const answer = await app.request('/intercom/activity?a=b');
  expect(answer.status).toBe(303);
  expect(answer.headers.get('location')).toBe('/sign-in?next=%2Fintercom%2Factivity%3Fa%3Db');
  expect((await signIn(app, { next: '/intercom/activity?a=b' })).headers.get('location')).toBe(
    '/intercom/activity?a=b',
  );
});

test.each([
  'https://elsewhere.example/intercom',
  '//elsewhere.example/intercom',
  '/\\elsewhere.example/intercom',
  '\\\\elsewhere.example',
  'javascript:alert(1)',
  '/sign-out',
  '/API/intercom/runs',
  '/intercom/../API',
  'http://',
])('a sign-in never leads on to %s', async (next) => {
  const { app } = await createHarness();
  expect((await signIn(app, { next })).headers.get('location')).toBe('/intercom');
});

test('a wrong token is refused with a page, and names nothing', async () => {
  const { app, logLines } = await createHarness();
  const answer = await signIn(app, { token: WRONG_TOKEN });
  expect(answer.status).toBe(403);
  expect(answer.headers.get('set-cookie')).toBeNull();
  expect(await answer.text()).not.toContain(WRONG_TOKEN);
  expect(logLines.join('\n')).not.toContain(WRONG_TOKEN);
});

test('a sign-in that another site sends is refused', async () => {
  const { app } = await createHarness();
  const answer = await signIn(app, { headers: { origin: 'https://elsewhere.example' } });
  expect(answer.status).toBe(403);
  expect(answer.headers.get('set-cookie')).toBeNull();
});

/** Answers after a second of the moved clock, for somebody who has guessed often. */
async function afterPause<Answer>(clock: MovedClock, answer: Promise<Answer>): Promise<Answer> {
  const progress = { isDone: false };
  void answer.finally(() => {
    progress.isDone = true;
  });
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(progress.isDone).toBe(false);
  clock.advance(1000);
  return answer;
}

const from = (address: string): Sending => ({ headers: { 'x-forwarded-for': address } });

describe('whoever guesses', () => {
  const guess = async (app: Harness['app'], times: number, address: string): Promise<void> => {
    for (let attempt = 1; attempt <= times; attempt += 1) {
      expect((await signIn(app, { token: WRONG_TOKEN, ...from(address) })).status).toBe(403);
    }
  };

  test('is slowed after ten wrong tokens; a right one and other addresses never are', async () => {
    const { app, clock, metrics } = await createHarness();
    await guess(app, 10, '198.51.100.7');
    const slowed = await afterPause(clock, signIn(app, { token: WRONG_TOKEN, ...from('198.51.100.7') }));
    expect(slowed.status).toBe(429);
    expect(Number(slowed.headers.get('retry-after'))).toBe(299);
    // Whoever claims another address in front of the one that the proxy adds is the same.
    const claimed = from('203.0.113.1, 198.51.100.7');
    expect((await afterPause(clock, signIn(app, { token: WRONG_TOKEN, ...claimed }))).status).toBe(429);
    expect((await signIn(app, from('198.51.100.7'))).status).toBe(303);
    await guess(app, 1, '198.51.100.8');
    clock.advance(300_000);
    await guess(app, 1, '198.51.100.7');
    expect((await metrics.wrongTokens.get()).values).toContainEqual(
      expect.objectContaining({ labels: { way: 'sign_in' }, value: 14 }),
    );
  });

  test('at two processes in turn has no more free tries than at one', async () => {
    const harness = await createHarness();
    const { clock } = harness;
    const formKey = await harness.store.readFormKey();
    const apps = [1, 2].map(() => createApp({ ...harness.appDeps, formKey }));
    const ask = async (number: number, token = WRONG_TOKEN): Promise<number> => {
      const headers = { authorization: `Bearer ${token}`, 'x-forwarded-for': '198.51.100.7' };
      const answer = apps[number % 2]?.request('/API/intercom/glossary', { headers });
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      clock.advance(1000);
      return (await answer)?.status ?? 0;
    };
    const statuses = [];
    for (let number = 0; number < 13; number += 1) statuses.push(await ask(number));
    expect(statuses.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 401));
    expect(statuses.slice(10)).toEqual([429, 429, 429]);
    expect([await ask(0, API_TOKEN), await ask(1, API_TOKEN)], 'a right one is never counted').toEqual([
      200, 200,
    ]);
  });

  test('while the store cannot be asked is slowed by each process for itself, and right tokens are let in', async () => {
    const harness = await createHarness();
    const { clock } = harness;
    let asked = 0;
    const countWrongToken = async (): Promise<never> => {
      asked += 1;
      throw new AppError('store_unavailable', 'later', 'the database is not there');
    };
    const app = createApp({ ...harness.appDeps, store: { ...harness.store, countWrongToken } });
    const ask = async (token: string) =>
      app.request('/API/intercom/glossary', { headers: { authorization: `Bearer ${token}` } });
    for (let number = 0; number < 10; number += 1) expect((await ask(WRONG_TOKEN)).status).toBe(401);
    expect((await afterPause(clock, ask(WRONG_TOKEN))).status).toBe(429);
    expect(asked).toBe(10);
    expect((await ask(API_TOKEN)).status).toBe(200);
    expect(asked, 'a right token asks nothing').toBe(10);
  });

  test('from many addresses keeps nobody out', async () => {
    const { app, logLines } = await createHarness();
    const lines = logLines.length;
    for (let attempt = 0; attempt < 300; attempt += 1) {
      const sending = from(`198.51.${Math.floor(attempt / 8)}.${attempt % 8}`);
      expect((await signIn(app, { token: WRONG_TOKEN, ...sending })).status).toBe(403);
    }
    expect((await signIn(app)).status).toBe(303);
    const warnings = logLines.slice(lines).filter((line) => line.includes('"level":"warn"'));
    expect(warnings).toHaveLength(20);
    expect(warnings[0]).toContain('"client":"198.51.0.0"');
    expect(warnings.at(-1)).toContain('left out');
    expect(logLines.join('\n')).not.toContain(WRONG_TOKEN);
  });

  test('has one IPv6 network, whatever addresses of it are used', async () => {
    const { app, clock } = await createHarness();
    for (let host = 1; host <= 10; host += 1) await guess(app, 1, `2001:db8:0:7::${host}`);
    const slowed = signIn(app, { token: WRONG_TOKEN, ...from('[2001:db8:0:7:a:b:c:d]:4123') });
    expect((await afterPause(clock, slowed)).status).toBe(429);
    await guess(app, 1, '2001:db8:0:8::1');
  });

  test('bearer tokens is slowed, counted and named in the log the same way', async () => {
    const { app, clock, metrics, logLines } = await createHarness();
    const ask = async (token: string, address = '198.51.100.7', path = '/API/intercom/glossary') =>
      app.request(path, { headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': address } });
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      expect((await ask(WRONG_TOKEN)).status).toBe(401);
      expect((await ask(WRONG_TOKEN, '198.51.100.7', '/intercom')).status).toBe(303);
    }
    const slowed = await afterPause(clock, ask(WRONG_TOKEN));
    expect(slowed.status).toBe(429);
    expect(slowed.headers.get('retry-after')).toBe('299');
    expect((await afterPause(clock, ask(WRONG_TOKEN, '198.51.100.7', '/metrics'))).status).toBe(429);
    expect((await ask(API_TOKEN)).status).toBe(200);
    expect((await ask(WRONG_TOKEN, '198.51.100.8')).status).toBe(401);
    expect((await metrics.wrongTokens.get()).values).toContainEqual(
      expect.objectContaining({ labels: { way: 'bearer' }, value: 13 }),
    );
    const warnings = logLines.filter((line) => line.includes('"level":"warn"'));
    expect(warnings.map((line) => /"msg":"([^"]+)"/.exec(line)?.[1])).toEqual([
      'a wrong token was refused',
      'somebody guesses tokens and is slowed down',
      'a wrong token was refused',
    ]);
    expect(logLines.join('\n')).not.toContain(WRONG_TOKEN);
  });

  test('nothing at all is not slowed: no token is no guess', async () => {
    const { app, metrics } = await createHarness();
    for (let attempt = 0; attempt < 30; attempt += 1) {
      expect((await app.request('/API/intercom/glossary')).status).toBe(401);
      expect((await app.request('/metrics', { headers: { authorization: 'Bearer ' } })).status).toBe(401);
    }
    expect((await metrics.wrongTokens.get()).values.map(({ value }) => value)).toEqual([0, 0]);
  });
});

test('signing out ends the session on the server too', async () => {
  const { app } = await createHarness();
  const cookie = cookieOf(await signIn(app));
  const csrf = await formTokenOf(app, cookie);
  const answer = await app.request('/sign-out', {
    method: 'POST',
    headers: { cookie, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ csrf }).toString(),
  });
  expect(answer.status).toBe(303);
  expect(answer.headers.get('set-cookie')).toContain('Max-Age=0');
  expect((await app.request('/intercom/activity', { headers: { cookie } })).status).toBe(303);
});

async function signOut(app: Harness['app'], cookie: string): Promise<Response> {
  return app.request('/sign-out', {
    method: 'POST',
    headers: { cookie, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ csrf: await formTokenOf(app, cookie) }).toString(),
  });
}

const statusWith = async (app: Harness['app'], cookie: string): Promise<number> =>
  (await app.request('/intercom/activity', { headers: { cookie } })).status;

test('a session that was signed out stays so after a restart, in other processes, and when the clock goes back', async () => {
  const database = join(temporaryDirectory(), 'engagement.db');
  const first = await createHarness({ database });
  const [cookie, other] = [cookieOf(await signIn(first.app)), cookieOf(await signIn(first.app))];
  const beside = await createHarness({ database, listens: false });
  expect(await statusWith(beside.app, cookie)).toBe(200);
  expect((await signOut(first.app, cookie)).status).toBe(303);
  for (const { app } of [first, beside, await createHarness({ database, listens: false })]) {
    expect(await statusWith(app, cookie)).toBe(303);
    const answer = await app.request('/API/intercom/glossary', { headers: { cookie } });
    expect(answer.status).toBe(401);
    // Or the way to the sign-in would lead in a circle.
    expect((await app.request('/sign-in', { headers: { cookie } })).status).toBe(200);
    expect(await statusWith(app, other)).toBe(200);
  }
  // The clock is a month ahead while somebody signs in and out, and the old rows are cleared away; then it is put right.
  const { clock } = beside;
  clock.advance(30 * 86_400_000);
  const ahead = cookieOf(await signIn(beside.app));
  const endedAhead = cookieOf(await signIn(beside.app));
  await signOut(beside.app, endedAhead);
  clock.advance(-30 * 86_400_000);
  expect(await statusWith(beside.app, cookie)).toBe(303);
  expect(await statusWith(beside.app, endedAhead)).toBe(303);
  expect(await statusWith(beside.app, ahead), 'it would last for a month').toBe(303);
  clock.advance(1000);
  expect(await statusWith(beside.app, cookieOf(await signIn(beside.app)))).toBe(200);
});

test('a sign-out that cannot be kept is no sign-out, and says so', async () => {
  const harness = await createHarness();
  const cookie = cookieOf(await signIn(harness.app));
  const store = {
    ...harness.store,
    endLogin: () => Promise.reject(new AppError('store_unavailable', 'later', 'full')),
  };
  const answer = await signOut(createApp({ ...harness.appDeps, store }), cookie);
  expect(answer.status).toBe(503);
  expect(answer.headers.get('set-cookie')).toBeNull();
  expect(await statusWith(harness.app, cookie)).toBe(200);
});

test('a session ends by itself, and with the token that opened it', async () => {
  const harness = await createHarness();
  const cookie = cookieOf(await signIn(harness.app));
  const withTokens = (apiTokens: readonly string[]) =>
    createApp({ ...harness.appDeps, access: { apiTokens, auth: 'token' } });
  const statusIn = async (app: Harness['app']): Promise<number> =>
    (await app.request('/intercom/activity', { headers: { cookie } })).status;
  // Another process, another order: the same token still opens it.
  expect(await statusIn(withTokens(['another-token-0123456', API_TOKEN]))).toBe(200);
  expect(await statusIn(withTokens(['another-token-0123456']))).toBe(303);
  harness.clock.advance(SESSION_SECONDS * 1000);
  expect(await statusIn(harness.app)).toBe(303);
});

test('a cookie with anything changed is none', () => {
  const sessions = createLogins([API_TOKEN], createMovedClock('2026-10-15T15:00:00Z'));
  const cookie = sessions.open(0);
  expect(sessions.read(cookie)).toMatchObject({ tokenNumber: 0 });
  const [id = '', expires = '', signature = ''] = cookie.split('.');
  const forged = [
    `${id}.${Number(expires) + 1}.${signature}`,
    `${'A'.repeat(22)}.${expires}.${signature}`,
    `${id}.${expires}.${'A'.repeat(43)}`,
    `${cookie}x`,
    ` ${cookie}`,
    '',
    undefined,
  ];
  expect(forged.map((text) => sessions.read(text))).toEqual(forged.map(() => null));
});

test('where nobody signs in a form that one process has shown is taken by another on the same database', async () => {
  const harness = await createHarness();
  const { clock, store } = harness;
  const [one, other] = [
    createLogins([], clock, await store.readFormKey()),
    createLogins([API_TOKEN], clock, await store.readFormKey()),
  ];
  expect(other.isFormToken(one.formToken(null), null)).toBe(true);
  expect(createLogins([], clock).isFormToken(one.formToken(null), null)).toBe(false);
});

test('a form token belongs to its session and is another one each time', () => {
  const sessions = createLogins([API_TOKEN], createMovedClock('2026-10-15T15:00:00Z'));
  const [mine, other] = [sessions.read(sessions.open(0)), sessions.read(sessions.open(0))];
  const token = sessions.formToken(mine);
  expect(sessions.formToken(mine)).not.toBe(token);
  expect(sessions.isFormToken(token, mine)).toBe(true);
  expect(sessions.isFormToken(token, other)).toBe(false);
  expect(sessions.isFormToken(token, null)).toBe(false);
  expect(sessions.isFormToken(undefined, mine)).toBe(false);
});
