import { expect, test, vi } from 'vitest';
import { createApp } from '../src/app.js';
import { describeConfig, readConfig } from '../src/config/config.js';
import { signBody } from '../src/intercom/signature.js';
import { createLog } from '../src/log.js';
import { createHarness, type Harness } from './support/harness.js';

const NAME = 'Zerlina Quastenflosse';
const EMAIL = 'zerlina.q@leaks.example';
const PHONE = '+15550147788';
const BIRTH = '1961-03-14';
const BIRTH_AT = Date.parse(BIRTH) / 1000;
const EMPLOYER = 'Quastenwerk';
const USER_ID = 'quasten-4711';
const WORDS = 'my knee hurts since the wedding';
const ACCESS_TOKEN = 'access-token-hush-1';
const CLIENT_SECRET = 'client-secret-hush-2';
const API_TOKEN = 'api-token-hush-0123456789';
const GUESS = 'guessed-token-hush-0123';

/** What nobody may find anywhere. */
const PLANTED = [
  NAME, 'Zerlina', 'Quastenflosse', EMAIL, PHONE, BIRTH, String(BIRTH_AT), EMPLOYER, USER_ID, WORDS,
  ACCESS_TOKEN, CLIENT_SECRET, API_TOKEN, GUESS,
]; // prettier-ignore
const ALL_WORDS = PLANTED.join(' ');

function post(harness: Harness, body: string, signature?: string): Response | Promise<Response> {
  const bytes = new TextEncoder().encode(body);
  return harness.app.request('/webhooks/intercom', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-hub-signature': signature ?? signBody(bytes, CLIENT_SECRET),
    },
    body: bytes,
  });
}

/** Intercom refuses matching requests with a message that quotes everything it knows. */
function refuse(matching: (method: string, path: string) => boolean, statuses: readonly number[]): void {
  const real = globalThis.fetch;
  const left = [...statuses];
  vi.stubGlobal('fetch', (input: string | URL, init: RequestInit = {}) => {
    const { pathname } = new URL(input);
    if (!matching(init.method ?? 'GET', pathname)) return real(input, init);
    const status = left.length > 1 ? left.shift() : left[0];
    const errors = [{ code: `${NAME} is invalid`, message: `${ALL_WORDS}: cannot be saved` }];
    return Promise.resolve(Response.json({ type: 'error.list', errors }, { status: status ?? 500 }));
  });
}

test('planted names, dates, tokens and secrets appear in no log line, metric, error, header or process title', async () => {
  const harness = await createHarness({ workspace: { token: ACCESS_TOKEN, clientSecret: CLIENT_SECRET } });
  const { workspace, logLines } = harness;
  const access = { apiTokens: [API_TOKEN], auth: 'token' } as const;
  const app = createApp({ ...harness.appDeps, access });
  const shown: string[] = [];
  /** Errors go to whoever asks, so they may quote nobody. */
  const ask = async (path: string, init: RequestInit = {}): Promise<number> => {
    const answer = await app.request(path, init);
    const text = await answer.text();
    // A page gives back what somebody has typed to whoever typed it, for fixing it there.
    const isFormAgain = answer.status === 400 && path.startsWith('/intercom/');
    if (answer.status >= 400 && !isFormAgain) shown.push(`${JSON.stringify([...answer.headers])} ${text}`);
    return answer.status;
  };
  const authorization = `Bearer ${API_TOKEN}`;

  const log = createLog({ level: 'trace', write: (line) => logLines.push(line) });
  const environment = {
    INTERCOM_ACCESS_TOKEN: ACCESS_TOKEN,
    INTERCOM_CLIENT_SECRET: CLIENT_SECRET,
    INTERCOM_MESSENGER_SECRET: CLIENT_SECRET,
    API_TOKENS: API_TOKEN,
  };
  log.info({ config: describeConfig(readConfig(environment)) }, 'starting');
  expect(() => readConfig({ INTERCOM_CLIENT_SECRET: CLIENT_SECRET, PORT: ALL_WORDS })).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('hush') }),
  );

  // A member with all of it, in every place where it can stand.
  const person = {
    name: NAME,
    email: EMAIL,
    phone: PHONE,
    externalId: USER_ID,
    customAttributes: {
      'Enrolled Date': '2026-10-01',
      'Date of Birth': BIRTH_AT,
      Employer: EMPLOYER,
      Referral: WORDS,
    },
  };
  const { id } = workspace.addContact(person);
  await harness.backfill();
  const call = workspace.addConversation({ contactIds: [id], adminId: 5_210_001 }).id;
  workspace.closeConversation(call, { channel: `Phone ${NAME}`, serviceCode: WORDS });
  await harness.settle();

  // Writes and reads that Intercom refuses in many words, for now and for good.
  refuse((method) => method === 'PUT', [500, 401, 403, 429, 400]);
  const second = workspace.addConversation({ contactIds: [id], adminId: 5_210_001 }).id;
  workspace.closeConversation(second, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await harness.settleWithRetries();
  vi.unstubAllGlobals();
  refuse((method, path) => method === 'GET' && path.startsWith('/conversations/'), [502, 404, 422]);
  const item = { type: 'conversation', id: '77', source: { body: WORDS, author: { name: NAME } } };
  const notification = { topic: 'conversation.admin.closed', created_at: 1_790_000_000, data: { item } };
  expect((await post(harness, JSON.stringify({ ...notification, id: 'notif_1' }))).status).toBe(200);
  await harness.settleWithRetries();
  vi.unstubAllGlobals();
  const reasons = (await harness.store.parked()).map(({ reason }) => reason).join();
  expect(reasons, 'what Intercom said is kept for the person who looks').toContain(NAME);
  expect(reasons).not.toContain(EMAIL);

  // Webhooks of every bad kind.
  for (const body of [
    ALL_WORDS,
    JSON.stringify({ topic: ALL_WORDS }),
    JSON.stringify({ ...notification, topic: `conversation.${NAME}`, id: EMAIL }),
    JSON.stringify({ topic: 'contact.user.updated', id: 'notif_3', data: { item: { name: NAME } } }),
  ]) {
    expect((await post(harness, body)).status).toBe(200);
    expect((await post(harness, body, `sha1=${'0'.repeat(40)}`)).status).toBe(401);
  }
  await harness.settleWithRetries();

  // A defect of ours whose message quotes data, in a request and in a loop.
  const broken = () => Promise.reject(new Error(ALL_WORDS, { cause: new Error(NAME) }));
  const failing = createApp({
    ...harness.appDeps,
    access,
    store: { ...harness.store, findMember: broken, storeNotification: broken },
  });
  for (const [path, init] of [
    ['/API/intercom/members/x', { headers: { authorization } }],
    ['/intercom/members/x', { headers: { authorization } }],
  ] as const) {
    const answer = await failing.request(path, init);
    expect(answer.status).toBe(500);
    shown.push(await answer.text());
  }

  // Questions that quote a person.
  const said = encodeURIComponent(ALL_WORDS);
  const headers = { authorization };
  expect(await ask(`/API/intercom/members/${said}`, { headers })).toBe(404);
  expect(await ask(`/intercom/members/${said}`, { headers })).toBe(404);
  for (const query of ['lookbackDays', 'cursor', 'view', 'limit', 'format', 'unknown']) {
    const path = `/API/intercom/caseload?${encodeURIComponent(query)}=${said}`;
    expect(await ask(path, { headers })).toBe(400);
    expect(await ask(`/intercom/caseload?${encodeURIComponent(query)}=${said}`, { headers })).toBeOneOf([
      200, 400,
    ]);
  }
  for (const body of [
    ALL_WORDS,
    JSON.stringify({ unknown: EMAIL }),
    JSON.stringify({ lookbackDays: NAME }),
  ]) {
    expect(await ask('/API/intercom/sessions', { method: 'POST', headers, body })).toBe(400);
  }
  const outputPath = JSON.stringify({ outputPath: `../${NAME}` });
  expect(await ask('/API/intercom/report/engagement', { method: 'POST', headers, body: outputPath })).toBe(
    400,
  );

  // Guesses.
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  expect(await ask('/sign-in', { method: 'POST', headers: form, body: `token=${GUESS}&next=/${NAME}` })).toBe(
    403,
  );
  expect(await ask('/metrics', { headers: { authorization: `Bearer ${GUESS}` } })).toBe(401);
  expect(await ask(`/${said}`)).toBe(404);
  expect(
    await ask(`/API/intercom/${said}?${said}`, { headers: { cookie: `engagement_session=${GUESS}` } }),
  ).toBe(401);

  const metrics = await (await app.request('/metrics', { headers })).text();
  const readiness = await (await app.request('/readyz')).text();
  workspace.deleteContact(id);
  await harness.settle();

  for (const message of ['starting', 'webhook', 'a request failed', 'request']) {
    expect(logLines.filter((line) => line.includes(`"msg":"${message}"`)).length).toBeGreaterThan(0);
  }
  for (const message of ['notification handled', 'write handled']) {
    const failed = logLines.filter((line) => line.includes(`"msg":"${message}"`) && line.includes('"err":'));
    expect(failed.length).toBeGreaterThan(0);
  }
  const everything = {
    log: logLines.join('\n'),
    metrics,
    readiness,
    errors: shown.join('\n'),
    process: [process.title, ...process.argv].join(' '),
  };
  const leaks = Object.entries(everything).flatMap(([where, text]) =>
    PLANTED.filter((words) => text.includes(words)).map((words) => `${where}: ${words}`),
  );
  expect(leaks).toEqual([]);
});
