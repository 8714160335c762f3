import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createApp, type AppDeps } from '../src/app.js';
import { temporaryDirectory } from './support/command-line.js';
import { documentAt, DOCUMENTS } from './support/documents.js';
import { API_TOKEN, createHarness, type Harness } from './support/harness.js';

/** The same app with other access rules. */
function appWith(harness: Harness, access: AppDeps['access']) {
  return createApp({ ...harness.appDeps, access });
}

test.each(['/API/intercom/members/x', '/API/intercom/glossary', '/API/intercom/nothing', '/metrics'])(
  '%s needs a token',
  async (path) => {
    const { app } = await createHarness();
    for (const authorization of [
      undefined,
      '',
      'Bearer ',
      'Bearer wrong-token-0123456',
      `Basic ${API_TOKEN}`,
    ]) {
      const answer = await app.request(
        path,
        authorization === undefined ? {} : { headers: { authorization } },
      );
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(await answer.json()).toMatchObject({ status: 401, title: 'Unauthorized' });
    }
    const { status } = await app.request(path, { headers: { authorization: `bearer ${API_TOKEN}` } });
    expect([200, 404]).toContain(status);
  },
);

test('health needs no token and says nothing about members', async () => {
  const harness = await createHarness();
  expect(await (await harness.app.request('/healthz')).json()).toEqual({ status: 'ok' });
  const before = await harness.app.request('/readyz');
  expect(before.status).toBe(503);
  expect(await before.json()).toEqual({ status: 'not ready', store: 'ok', backfill: 'not started' });
  await harness.backfill();
  const after = await harness.app.request('/readyz');
  expect(after.status).toBe(200);
  expect(await after.json()).toEqual({ status: 'ready', store: 'ok', backfill: 'done' });
  await harness.store.close();
  harness.clock.advance(1000);
  expect((await harness.app.request('/readyz')).status).toBe(503);
  expect((await harness.app.request('/healthz')).status).toBe(200);
});

test('readiness ends as soon as the inbox cannot be written, and comes back with it', async () => {
  const database = join(temporaryDirectory(), 'engagement.db');
  const harness = await createHarness({ database });
  await harness.backfill();
  const readiness = async (): Promise<unknown> => {
    // It looks once a second.
    harness.clock.advance(1000);
    return (await harness.app.request('/readyz')).json();
  };
  expect(await readiness()).toMatchObject({ status: 'ready' });
  const other = new Database(database);
  onTestFinished(() => void other.close());
  other.exec('alter table inbox rename to elsewhere');
  expect(await readiness()).toMatchObject({ status: 'not ready', store: 'cannot be written' });
  other.exec('alter table elsewhere rename to inbox');
  expect(await readiness()).toMatchObject({ status: 'ready', store: 'ok' });
});

test('without tokens only requests addressed to this machine are answered', async () => {
  const harness = await createHarness();
  const app = appWith(harness, { apiTokens: [], auth: 'token' });
  const ask = async (host: string): Promise<number> =>
    (await app.request('/API/intercom/glossary', { headers: { host } })).status;
  expect(await ask('localhost:3000')).toBe(200);
  expect(await ask('127.0.0.1:3000')).toBe(200);
  expect(await ask('[::1]:3000')).toBe(200);
  // A page of another site whose name was made to point here.
  expect(await ask('rebound.example:3000')).toBe(421);
  expect(await ask('localhost.example')).toBe(421);
  // A proxy in its default settings names its target as the host.
  for (const name of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via']) {
    const headers = { host: '127.0.0.1:3000', [name]: '198.51.100.7' };
    expect((await app.request('/API/intercom/glossary', { headers })).status).toBe(403);
    expect((await app.request('/intercom', { headers })).status).toBe(403);
  }
});

/** A request as it arrives on a socket from `peer`. */
function arrivingFrom(peer: string) {
  return { incoming: { socket: { remoteAddress: peer, remoteFamily: 'IPv4', remotePort: 41_230 } } };
}

describe('behind a proxy that signs people in', () => {
  const publicHosts = ['reports.example'];
  const proxy = '10.1.2.3';

  async function createProxied(over: Partial<AppDeps['access']> = {}) {
    const harness = await createHarness();
    const access = {
      apiTokens: [],
      auth: 'proxy',
      publicHosts,
      trustedProxies: ['10.0.0.0/8'],
      ...over,
    } as const;
    const app = appWith(harness, access);
    const ask = async (
      headers: Record<string, string>,
      { path = '/API/intercom/glossary', peer = proxy } = {},
    ) =>
      (await app.request(path, { headers: { host: 'reports.example', ...headers } }, arrivingFrom(peer)))
        .status;
    return { harness, app, ask };
  }

  test.each([
    ['reports.example', 200],
    ['reports.example:443', 200],
    ['REPORTS.example.', 200],
    ['localhost:3000', 200],
    ['127.0.0.1', 200],
    ['[::1]:3000', 200],
    ['rebound.example', 421],
    ['reports.example.rebound.example', 421],
    ['10.1.2.3:3000', 421],
    ['reports.example@rebound.example', 421],
    ['rebound.example/reports.example', 421],
  ])('the host %s is answered with %i', async (host, status) => {
    const { ask } = await createProxied();
    expect(await ask({ host })).toBe(status);
    expect(await ask({ host }, { path: '/intercom' })).toBe(status);
    expect(await ask({ host, 'x-forwarded-host': 'reports.example' })).toBe(status);
  });

  test('a host that the proxy has put another one in place of counts too', async () => {
    const { ask } = await createProxied();
    expect(await ask({ host: '127.0.0.1:3000', 'x-forwarded-host': 'reports.example' })).toBe(200);
    expect(await ask({ host: '127.0.0.1:3000', 'x-forwarded-host': 'rebound.example' })).toBe(421);
  });

  test('another host reads nothing and changes nothing, whatever it asks for', async () => {
    const { app, harness } = await createProxied();
    const headers = {
      host: 'rebound.example',
      origin: 'http://rebound.example',
      'sec-fetch-site': 'same-origin',
    };
    for (const path of ['/', '/sign-in', '/metrics', '/openapi.json', '/intercom/billing.csv', '/nothing']) {
      expect((await app.request(path, { headers }, arrivingFrom(proxy))).status).toBe(421);
    }
    const change = {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{"force":true}',
    };
    for (const path of [
      '/API/intercom/reconcile',
      '/API/intercom/report/engagement',
      '/intercom/activity/runs',
    ]) {
      expect((await app.request(path, change, arrivingFrom(proxy))).status).toBe(421);
    }
    expect((await harness.store.listRuns({ jobs: [], limit: 1, after: null })).total).toBe(0);
  });

  test('the webhook and health are answered whatever the host, whoever asks', async () => {
    const { ask } = await createProxied();
    for (const path of ['/webhooks/intercom', '/healthz', '/readyz']) {
      expect(await ask({ host: '192.0.2.9' }, { path, peer: '203.0.113.5' })).toBeOneOf([200, 503]);
    }
  });

  test('whoever is no trusted proxy is refused, and the log says why, a few times', async () => {
    const { ask, harness } = await createProxied();
    for (let attempt = 0; attempt < 50; attempt += 1) {
      expect(await ask({ 'x-forwarded-for': '10.9.9.9' }, { peer: '203.0.113.5' })).toBe(403);
    }
    expect(await ask({}, { path: '/intercom', peer: '127.0.0.1' })).toBe(403);
    const lines = harness.logLines.filter((line) => line.includes('a request came from no trusted proxy'));
    expect(lines).toHaveLength(20);
    expect(lines[0]).toContain('"peer":"203.0.113.5"');
    expect(lines[0]).toContain('TRUSTED_PROXIES');
  });

  test('where no proxy is named it is one on this machine', async () => {
    const harness = await createHarness();
    const app = appWith(harness, { apiTokens: [], auth: 'proxy' });
    const ask = async (peer: string, host: string) =>
      (await app.request('/API/intercom/glossary', { headers: { host } }, arrivingFrom(peer))).status;
    expect(await ask('127.0.0.1', 'localhost')).toBe(200);
    expect(await ask('::1', 'localhost')).toBe(200);
    expect(await ask('::ffff:127.0.0.1', 'localhost')).toBe(200);
    expect(await ask('10.1.2.3', 'localhost')).toBe(403);
    expect(await ask('127.0.0.1', 'reports.example')).toBe(421);
  });

  test('API_TOKENS beside it are looked at: a right one lets in, a wrong one does not', async () => {
    const { ask } = await createProxied({ apiTokens: [API_TOKEN] });
    const right = { authorization: `Bearer ${API_TOKEN}` };
    const wrong = { authorization: 'Bearer wrong-token-0123456789' };
    for (const path of ['/API/intercom/glossary', '/metrics', '/intercom']) {
      expect(await ask({}, { path })).toBe(200);
      expect(await ask(right, { path })).toBe(200);
      expect(await ask(wrong, { path })).toBe(401);
      // Prometheus and the like, which ask past the proxy.
      expect(await ask(right, { path, peer: '203.0.113.5' })).toBe(200);
      expect(await ask(wrong, { path, peer: '203.0.113.5' })).toBe(401);
      expect(await ask({}, { path, peer: '203.0.113.5' })).toBe(403);
      // What the proxy itself was signed in to with.
      expect(await ask({ authorization: 'Basic bWU6aHVzaA==' }, { path })).toBe(200);
      expect(await ask({ ...right, host: 'rebound.example' }, { path })).toBe(421);
    }
  });
});

test('with tokens every host is answered until PUBLIC_URL names some', async () => {
  const harness = await createHarness();
  const rules = { apiTokens: [API_TOKEN], auth: 'token' } as const;
  const headers = { host: 'elsewhere.example', authorization: `Bearer ${API_TOKEN}` };
  const path = '/API/intercom/glossary';
  expect((await appWith(harness, rules).request(path, { headers })).status).toBe(200);
  const named = appWith(harness, { ...rules, publicHosts: ['reports.example'] });
  expect((await named.request(path, { headers })).status).toBe(421);
  expect((await named.request(path, { headers: { ...headers, host: 'reports.example' } })).status).toBe(200);
});

test.each([
  '/healthz',
  '/API/intercom/glossary',
  '/API/intercom/caseload',
  '/intercom',
  '/intercom/caseload',
  '/openapi.json',
])('a slash at the end of %s changes nothing', async (path) => {
  const harness = await createHarness();
  expect((await harness.get(`${path}/`)).status).toBe(200);
  const stranger = await harness.app.request(`${path}/`);
  expect(stranger.status).toBe((await harness.app.request(path)).status);
});

test('answers carry secure headers, and unknown addresses a problem', async () => {
  const harness = await createHarness();
  const answer = await harness.get('/API/intercom/nothing');
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({
    type: 'about:blank',
    status: 404,
    requestId: expect.any(String),
  });
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
});

test('a failure inside is answered without its details, which are in the log', async () => {
  const harness = await createHarness();
  const app = createApp({
    ...harness.appDeps,
    store: { ...harness.store, findMember: () => Promise.reject(new Error('hush: a detail')) },
  });
  const answer = await app.request('/API/intercom/members/x', {
    headers: { authorization: `Bearer ${API_TOKEN}` },
  });
  expect(answer.status).toBe(500);
  const problem = await answer.text();
  expect(problem).not.toContain('hush');
  const line = harness.logLines.find((one) => one.includes('a request failed')) ?? '';
  const requestId = /"requestId":"([^"]+)"/.exec(problem)?.[1] ?? 'none';
  expect(line).toContain(requestId);
  expect(line).toContain('operate.test.ts');
  // A message can hold what a person has typed.
  expect(line).not.toContain('hush');
});

test('a database that cannot be used is answered 503', async () => {
  const harness = await createHarness();
  await harness.store.close();
  const answer = await harness.get('/API/intercom/members/x');
  expect(answer.status).toBe(503);
});

test('metrics count webhooks and show the backlog', async () => {
  const harness = await createHarness();
  await harness.app.request('/webhooks/intercom', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  const text = await (await harness.get('/metrics')).text();
  expect(text).toContain('engagement_webhooks_total{topic="unknown",result="wrong_signature"} 1');
  expect(text).toMatch(/^engagement_inbox_waiting 0$/m);
});

test('documented addresses are there, and every address is in docs/http.md', async () => {
  const harness = await createHarness();
  const known = harness.app.routes
    .filter(({ method, path }) => method !== 'ALL' && !path.endsWith('*'))
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}').replace(/(.)\/$/, '$1')}`);
  // `GET /a` names one, `GET`, `POST /a` both.
  const namedIn = (text: string): string[] =>
    [...text.matchAll(/(`GET`, )?`(GET|POST) (\/[^`? ]*)`/g)].flatMap(([, both, method, path]) =>
      both === undefined ? [`${method} ${path}`] : [`GET ${path}`, `${method} ${path}`],
    );
  const wrong = DOCUMENTS.flatMap(({ text }) => namedIn(text)).filter((address) => !known.includes(address));
  expect(wrong).toEqual([]);
  const named = namedIn(documentAt('docs/http.md'));
  const missing = known.filter((address) => !named.includes(address) && address !== 'GET /webhooks/intercom');
  expect(missing).toEqual([]);
});

test('readiness ends at once when the service is told to stop, or the database does not answer', async () => {
  const harness = await createHarness();
  await harness.backfill();
  let isStopping = false;
  const app = createApp({ ...harness.appDeps, isStopping: () => isStopping });
  expect((await app.request('/readyz')).status).toBe(200);
  isStopping = true;
  const answer = await app.request('/readyz');
  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({ status: 'not ready', stopping: true });
  const canWrite = (): Promise<boolean> => new Promise(() => undefined);
  const stuck = createApp({ ...harness.appDeps, store: { ...harness.store, canWrite } });
  const waiting = stuck.request('/readyz');
  await new Promise((resolve) => setImmediate(resolve));
  harness.clock.advance(2000);
  expect((await waiting).status).toBe(503);
});

test('readiness waits until a report would be answered at once', async () => {
  const harness = await createHarness();
  await harness.backfill();
  let isWarm = false;
  const app = createApp({ ...harness.appDeps, areReportsWarm: () => isWarm });
  const before = await app.request('/readyz');
  expect(before.status).toBe(503);
  expect(await before.json()).toMatchObject({ status: 'not ready', reports: 'starting' });
  isWarm = true;
  expect((await app.request('/readyz')).status).toBe(200);
});
