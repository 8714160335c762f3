import { expect, test } from 'vitest';
import { API_TOKEN, createHarness, type Harness } from './support/harness.js';
import { createReportHarness } from './support/report-workspace.js';

const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const SIGNED_IN = { ...HTML, authorization: `Bearer ${API_TOKEN}` };

async function signIn(app: Harness['app']): Promise<string> {
  const body = new URLSearchParams({ token: API_TOKEN });
  const answer = await app.request('/sign-in', { method: 'POST', body });
  return /^[^;]+/.exec(answer.headers.get('set-cookie') ?? '')?.[0] ?? '';
}

test('a filter that cannot be answered is said above the same filters, all of them at once', async () => {
  const harness = await createReportHarness();
  const answer = await harness.get(
    '/intercom/caseload?lookbackDays=999&employer=Acme&channel=Fax&nonsense=%3Cb%3E1&sort=memberName&direction=descending&limit=25',
  );
  expect(answer.status).toBe(400);
  expect(answer.headers.get('content-type')).toContain('text/html');
  const page = await answer.text();
  expect(page).toContain('<strong>Days back</strong> must be a whole number from 1 to 365. It says “999”.');
  expect(page).toMatch(/<strong>Channel<\/strong> [^<]*: Phone, Video Conference, Email, Chat[^<]*“Fax”/);
  expect(page).toMatch(/<code>nonsense<\/code><\/strong> is not a field[^<]*“&lt;b&gt;1”/);
  expect(page).toMatch(/<input type="number" name="lookbackDays" value="999"[^>]*aria-invalid="true"/);
  expect(page).toMatch(/name="employer" value="acme" checked/i);
  expect(page).toContain('<input type="hidden" name="sort" value="memberName"/>');
  expect(page).toMatch(/<option value="25" selected/);
  expect(page).not.toContain('id="rows"');
});

test('an order that is none and a page that is gone lead back to the table, with the same filters', async () => {
  const harness = await createReportHarness();
  const unsorted = await harness.get('/intercom/sessions?employer=Acme&sort=favoriteColor&limit=7');
  expect(unsorted.status).toBe(400);
  const fixed = await unsorted.text();
  expect(fixed).toContain('<code>sort</code></strong> must be one of: time, memberName');
  expect(fixed).toContain('<code>limit</code></strong> must be one of: 25, 50, 100');
  expect(fixed).not.toContain('name="sort"');
  expect(fixed).toMatch(/<option value="50" selected/);
  const gone = await harness.get('/intercom/sessions?employer=Acme&limit=25&cursor=bm90aGluZw');
  expect(gone.status).toBe(400);
  expect(await gone.text()).toContain('<a href="/intercom/sessions?employer=Acme&amp;limit=25">Begin again');
  // Asked for as a file, it is explained on the page that the file is of.
  const file = await (await harness.get('/intercom/sessions.csv?from=2026-13-01')).text();
  expect(file).toContain('<strong>From</strong>');
  expect(file).toContain('action="/intercom/sessions"');
});

test('people are told on a page that there is nothing; programs get a problem', async () => {
  const { app } = await createHarness();
  const ask = (path: string, headers: Record<string, string>) => app.request(path, { headers });
  const stranger = await ask('/nothing', HTML);
  expect(stranger.status).toBe(404);
  const page = await stranger.text();
  expect(page).toContain('<h1>Page not found</h1>');
  expect(page).not.toContain('<nav');
  expect(page).not.toContain('/intercom/caseload');
  const cookie = await signIn(app);
  expect(await (await ask('/nothing', { ...HTML, cookie })).text()).toContain('/intercom/caseload');
  for (const answer of [await ask('/nothing', {}), await ask('/API/nothing', SIGNED_IN)]) {
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
  }
});

test('what fails is answered with a page that says nothing of the error, and logged once', async () => {
  const { app, store, logLines } = await createHarness();
  await store.close();
  logLines.length = 0;
  const answer = await app.request('/intercom/activity', { headers: SIGNED_IN });
  expect([500, 503]).toContain(answer.status);
  expect(answer.headers.get('content-type')).toContain('text/html');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const page = await answer.text();
  const request = /request <code>([^<]+)<\/code>/.exec(page)?.[1] ?? 'none';
  const failures = logLines.filter((line) => line.includes('a request failed'));
  expect(failures).toHaveLength(1);
  expect(failures[0]).toContain(request);
  expect(page).not.toMatch(/sqlite|at .*\.ts/i);
});

const NASTY = '"><img src=x onerror=alert(1)>';

test('whatever people type in Intercom is text on every page', async () => {
  const harness = await createHarness();
  const { workspace } = harness;
  const [admin] = workspace.state.admins;
  Object.assign(admin ?? {}, { name: `Coach ${NASTY}` });
  const member = workspace.addContact({
    externalId: `M-1 ${NASTY}`,
    name: `Name ${NASTY}`,
    email: `mail${NASTY}@members.example`,
    customAttributes: {
      'Enrolled Date': Date.parse('2026-10-05T00:00:00Z') / 1000,
      Employer: `Employer ${NASTY}`,
      Referral: NASTY,
    },
  });
  for (const [channel, serviceCode] of [
    ['Phone', 'Health Coaching 001'],
    ['Phone', `Code ${NASTY}`],
    [`Channel ${NASTY}`, 'Health Coaching 001'],
  ] as const) {
    const { id } = workspace.addConversation({
      contactIds: [member.id],
      adminId: admin?.id ?? null,
      sourceType: 'phone_call',
    });
    workspace.closeConversation(id, { channel, serviceCode });
  }
  await harness.backfill();
  await harness.settle();
  const pages = [
    '',
    '/caseload',
    '/sessions',
    '/new-participants',
    '/billing',
    '/upcoming?days=57',
    '/data-quality',
    `/members/${member.id}`,
    '/activity',
    `/caseload?employer=${encodeURIComponent(NASTY)}&coach=${encodeURIComponent(NASTY)}`,
    `/activity?replayed=${encodeURIComponent(NASTY)}`,
  ].map((path) => `/intercom${path}`);
  for (const path of [...pages, `/sign-in?next=${encodeURIComponent(`/intercom?${NASTY}`)}`]) {
    const answer = path.startsWith('/sign-in') ? await harness.app.request(path) : await harness.get(path);
    expect(`${path} ${answer.status}`).toBe(`${path} 200`);
    const page = await answer.text();
    expect(page).not.toContain('<img');
    expect(/<title>(.*)<\/title>/.exec(page)?.[1]).not.toMatch(/Name|mail|M-1/);
  }
});

test('browsers keep nothing that a person was shown, whether page, file or answer of the API', async () => {
  const { app } = await createReportHarness();
  const cookie = await signIn(app);
  for (const path of [
    '/intercom/caseload',
    '/intercom/caseload.csv',
    '/intercom/caseload.csv?sort=memberName',
    '/API/intercom/caseload',
    '/API/intercom/report/engagement',
    '/API/intercom/members/M-1',
  ]) {
    const answer = await app.request(path, { headers: { cookie } });
    expect(`${path} ${answer.status}`).toBe(`${path} 200`);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    await answer.arrayBuffer();
  }
});
