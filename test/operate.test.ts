import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { createApp, type AppDeps } from '../src/app.js';
import { temporaryFolder } from './support/command-line.js';
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
  const database = join(temporaryFolder(), 'engagement.db');
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
  expect(await ask('rebound.example:3000')).toBe(403);
  expect(await ask('localhost.example')).toBe(403);
  // A proxy in its default settings names its target as the host.
  for (const name of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via']) {
    const headers = { host: '127.0.0.1:3000', [name]: '198.51.100.7' };
    expect((await app.request('/API/intercom/glossary', { headers })).status).toBe(403);
    expect((await app.request('/intercom', { headers })).status).toBe(403);
  }
});

test('behind a proxy that signs people in every request is answered', async () => {
  const app = appWith(await createHarness(), { apiTokens: [], auth: 'proxy' });
  const answer = await app.request('/API/intercom/glossary', { headers: { host: 'reports.example' } });
  expect(answer.status).toBe(200);
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

test("the README's addresses are there, and every address is in the README", async () => {
  const harness = await createHarness();
  const known = harness.app.routes
    .filter(({ method, path }) => method !== 'ALL' && !path.endsWith('*'))
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}').replace(/(.)\/$/, '$1')}`);
  const readme = readFileSync('README.md', 'utf8');
  // `GET /a` names one, `GET`, `POST /a` both.
  const named = [...readme.matchAll(/(`GET`, )?`(GET|POST) (\/[^`? ]*)`/g)].flatMap(
    ([, both, method, path]) =>
      both === undefined ? [`${method} ${path}`] : [`GET ${path}`, `${method} ${path}`],
  );
  expect(named.filter((address) => !known.includes(address))).toEqual([]);
  const missing = known.filter((address) => !named.includes(address) && address !== 'GET /webhooks/intercom');
  expect(missing).toEqual([]);
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
