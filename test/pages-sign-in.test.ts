import { expect, test } from 'vitest';
import { createApp } from '../src/app.js';
import { createSessions, SESSION_SECONDS } from '../src/operate/sessions.js';
import { API_TOKEN, createHarness, type Harness } from './support/harness.js';
import { createMovedClock } from './support/moved-clock.js';

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

test('after ten wrong tokens an address waits, even with the right one; others do not', async () => {
  const { app, clock } = await createHarness();
  const from = (address: string): Sending => ({ headers: { 'x-forwarded-for': address } });
  for (let attempt = 1; attempt <= 10; attempt += 1) {
    expect((await signIn(app, { token: WRONG_TOKEN, ...from('198.51.100.7') })).status).toBe(403);
  }
  const refused = await signIn(app, from('198.51.100.7'));
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBe(300);
  // Whoever claims another address in front of the one that the proxy adds is the same.
  expect((await signIn(app, from('203.0.113.1, 198.51.100.7'))).status).toBe(429);
  expect((await signIn(app, from('198.51.100.8'))).status).toBe(303);
  clock.advance(300_000);
  expect((await signIn(app, from('198.51.100.7'))).status).toBe(303);
});

test('guesses from many addresses make everybody wait', async () => {
  const { app } = await createHarness();
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const headers = { 'x-forwarded-for': `198.51.${Math.floor(attempt / 8)}.${attempt % 8}` };
    expect((await signIn(app, { token: WRONG_TOKEN, headers })).status).toBe(403);
  }
  expect((await signIn(app)).status).toBe(429);
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
  const sessions = createSessions([API_TOKEN], createMovedClock('2026-10-15T15:00:00Z'));
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

test('a form token belongs to its session and is another one each time', () => {
  const sessions = createSessions([API_TOKEN], createMovedClock('2026-10-15T15:00:00Z'));
  const [mine, other] = [sessions.read(sessions.open(0)), sessions.read(sessions.open(0))];
  const token = sessions.formToken(mine);
  expect(sessions.formToken(mine)).not.toBe(token);
  expect(sessions.isFormToken(token, mine)).toBe(true);
  expect(sessions.isFormToken(token, other)).toBe(false);
  expect(sessions.isFormToken(token, null)).toBe(false);
  expect(sessions.isFormToken(undefined, mine)).toBe(false);
});
