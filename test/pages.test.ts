import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { verify } from 'hono/jwt';
import { expect, test } from 'vitest';
import { createApp } from '../src/app.js';
import { regionOf } from '../src/pages/messenger.js';
import { createHarness, type Harness } from './support/harness.js';

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

async function harnessWithMember(): Promise<Harness & { readonly memberId: string }> {
  const harness = await createHarness();
  const { workspace } = harness;
  const member = workspace.addContact({
    externalId: 'M-1001',
    name: 'Ana Whitaker <script>alert(1)</script>',
    email: 'ana@members.example',
    customAttributes: { 'Enrolled Date': Date.parse('2026-01-05T00:00:00Z') / 1000, Employer: 'Acme' },
  });
  const call = workspace.addConversation({ contactIds: [member.id], sourceType: 'phone_call' });
  workspace.closeConversation(call.id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  const slip = workspace.addConversation({ contactIds: [member.id], sourceType: 'phone_call' });
  workspace.closeConversation(slip.id, { channel: 'Phone', serviceCode: null });
  await harness.backfill();
  return { ...harness, memberId: member.id };
}

test('a member is shown with the reason for every value, and with what does not count', async () => {
  const harness = await harnessWithMember();
  const answer = await harness.get(`/intercom/members/${harness.memberId}`);
  expect(answer.status).toBe(200);
  const page = await answer.text();
  expect(page).toContain('Engaged because the last qualifying call, Phone · Health Coaching 001');
  expect(page).toContain('At Risk from <time datetime="2026-11-13">Nov 13, 2026</time>');
  expect(page).toContain('Service Code empty');
  expect(page).toMatch(/data-attribute="Engagement Status">Engaged</);
  // By User ID too, as the API.
  expect((await harness.get('/intercom/members/M-1001')).status).toBe(200);
});

test('what people have typed is text on a page, and never in its title', async () => {
  const harness = await harnessWithMember();
  const page = await (await harness.get(`/intercom/members/${harness.memberId}`)).text();
  expect(page).toContain('Ana Whitaker &lt;script&gt;');
  expect(page).not.toContain('<script>alert');
  const title = /<title>(.*)<\/title>/.exec(page)?.[1] ?? '';
  expect(title).toContain(harness.memberId);
  expect(title).not.toContain('Ana');
  expect(title).not.toContain('@');
});

test('an unknown member and an unknown page are answered with pages', async () => {
  const harness = await createHarness();
  for (const path of ['/intercom/members/nobody', '/intercom/nothing']) {
    const answer = await harness.get(path);
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toContain('text/html');
  }
});

test.each(['/sign-in', '/intercom', '/intercom/activity', '/intercom/members/M-1001'])(
  '%s allows its own files only, and has nothing inline',
  async (path) => {
    const harness = await harnessWithMember();
    const answer = path === '/sign-in' ? await harness.app.request(path) : await harness.get(path);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-security-policy')).toBe(POLICY);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-frame-options')).toBe('DENY');
    const page = await answer.text();
    expect(page).toContain('<html lang="en">');
    expect(page).not.toMatch(/\sstyle=|<style|<script>|\son\w+=|https?:\/\/(?!localhost)/);
    for (const [, address = ''] of page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) {
      const asset = await harness.app.request(address);
      expect(asset.status).toBe(200);
      expect(asset.headers.get('cache-control')).toContain('immutable');
      await asset.arrayBuffer();
    }
  },
);

test('a page that has not changed is not sent again', async () => {
  const harness = await harnessWithMember();
  const path = '/intercom/activity';
  const first = await harness.get(path);
  const etag = first.headers.get('etag') ?? '';
  const ask = async (): Promise<number> => {
    const headers = {
      authorization: `Bearer ${harness.appDeps.access.apiTokens[0] ?? ''}`,
      'if-none-match': etag,
    };
    return (await harness.app.request(path, { headers })).status;
  };
  expect(await ask()).toBe(304);
  harness.workspace.updateContact(harness.memberId, {
    customAttributes: { 'Engagement Status': 'Unengaged' },
  });
  await harness.settle();
  expect(await ask()).toBe(200);
});

test('style and script weigh little, and are sent compressed', async () => {
  const harness = await createHarness();
  const page = await (await harness.app.request('/sign-in')).text();
  const href = /href="(\/assets\/pages\.[^"]+\.css)"/.exec(page)?.[1] ?? '';
  const answer = await harness.app.request(href, { headers: { 'accept-encoding': 'gzip, br' } });
  expect(answer.headers.get('content-encoding')).toBe('gzip');
  const files = ['pages.css', 'pages.js', 'messenger.js'].map((name) =>
    readFileSync(`dist/pages/assets/${name}`),
  );
  const weight = files.reduce((sum, file) => sum + gzipSync(file).length, 0);
  expect(weight).toBeLessThan(40 * 1024);
});

test('with an app id pages bring the Messenger, and only these allow its hosts', async () => {
  const harness = await createHarness();
  const secret = 'a-messenger-secret';
  const app = createApp({ ...harness.appDeps, messenger: { appId: 'ab12cd34', secret, region: 'eu' } });
  const headers = { authorization: `Bearer ${harness.appDeps.access.apiTokens[0] ?? ''}` };
  const answer = await app.request('/intercom/activity', { headers });
  const policy = answer.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("script-src 'self' https://widget.intercom.io https://js.intercomcdn.com;");
  expect(policy).toContain('wss://nexus-europe-websocket.intercom.io');
  expect(policy).not.toContain('api-iam.intercom.io');
  expect(policy).toContain("frame-ancestors 'none'");
  const page = await answer.text();
  expect(page).toContain('data-app-id="ab12cd34"');
  const jwt = /data-user-jwt="([^"]+)"/.exec(page)?.[1] ?? '';
  const nowAt = harness.clock.nowMs() / 1000;
  const claims = await verify(jwt, secret, { alg: 'HS256', exp: false });
  expect(claims['user_id']).toMatch(/^reports-/);
  expect(Number(claims.exp) - nowAt).toBeLessThanOrEqual(2 * 3600);
  expect(Number(claims.exp) - nowAt).toBeGreaterThan(3600 - 1);
  expect(page).not.toContain(secret);

  const signIn = await app.request('/sign-in');
  expect(signIn.headers.get('content-security-policy')).toBe(POLICY);
  expect(await signIn.text()).not.toContain('messenger');
});

test('the Messenger is told the region that the API address names', () => {
  expect(regionOf('https://api.intercom.io')).toBe('us');
  expect(regionOf('https://api.eu.intercom.io')).toBe('eu');
  expect(regionOf('https://api.au.intercom.io')).toBe('ap');
  expect(regionOf('http://127.0.0.1:4000')).toBe('us');
});

test.each(['caseload', 'sessions', 'new-participants', 'billing', 'data-quality'])(
  'the CSV that /intercom/%s links to begins with a byte order mark, for spreadsheets',
  async (name) => {
    const harness = await harnessWithMember();
    const page = await (await harness.get(`/intercom/${name}?limit=25`)).text();
    const href = (/<a id="csv" href="([^"]+)"/.exec(page)?.[1] ?? '').replaceAll('&amp;', '&');
    expect(new URL(href, 'http://localhost').searchParams.get('bom')).toBe('true');
    const bytes = new Uint8Array(await (await harness.get(href)).arrayBuffer());
    expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
  },
);

test('every CSV that a page links to asks for a byte order mark', async () => {
  const harness = await harnessWithMember();
  const run = await harness.runJob({
    job: 'reconcile',
    params: { lookbackDays: null, dryRun: true, force: true },
  });
  const links: string[] = [];
  for (const path of ['/intercom', '/intercom/activity', `/intercom/activity/runs/${run.id}`]) {
    const page = await (await harness.get(path)).text();
    links.push(...[...page.matchAll(/href="([^"]*csv[^"]*)"/g)].map(([, href = '']) => href));
  }
  expect(links).not.toEqual([]);
  expect(links.filter((href) => !href.includes('bom=true'))).toEqual([]);
});
