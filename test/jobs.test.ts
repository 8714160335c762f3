import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { API_TOKEN, createHarness, type Harness } from './support/harness.js';
import { createFilledHarness, populated } from './support/filled-harness.js';
import { examples, requestOf } from './support/documented-examples.js';

const AUTHORIZATION = { authorization: `Bearer ${API_TOKEN}` };
const answerShape = z.looseObject({
  runId: z.string(),
  differences: z.array(z.record(z.string(), z.unknown())),
});

/** Attributes that are wrong in Intercom, and no webhook about it. */
async function createDrifted(closed = 4): Promise<Harness> {
  const harness = await createFilledHarness(populated({ members: 20, seed: 11 }));
  harness.clock.advance(30 * 60_000);
  harness.workspace.webhooks.stop();
  harness.workspace.calls.clear();
  const open = harness.workspace.conversations().filter(({ state }) => state !== 'closed');
  for (const { id } of open.slice(0, closed)) {
    harness.workspace.closeConversation(id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  }
  return harness;
}

async function post(
  harness: Harness,
  path: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return harness.app.request(`/API/intercom/${path}`, {
    method: 'POST',
    headers: { ...AUTHORIZATION, ...headers },
    body,
  });
}

test('a job lists by default and writes when told to, and its cron line of old works as it stands', async () => {
  const harness = await createDrifted();
  const dry = await harness.whileJobsRun(post(harness, 'engagement-sync', ''));
  expect(dry.status).toBe(200);
  const listed = answerShape.parse(await dry.json());
  expect(listed).toMatchObject({
    job: 'engagement-sync',
    status: 'done',
    dryRun: true,
    failed: 0,
    parked: 0,
  });
  expect(listed.differences.length).toBeGreaterThan(0);
  expect(harness.workspace.calls.matching({ method: 'PUT' })).toEqual([]);

  // `curl -d` says that it sends a form.
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const asked = post(harness, 'engagement-sync', '{"lookbackDays": 365, "dryRun": false}', form);
  const written = await harness.whileJobsRun(asked);
  const done = answerShape.parse(await written.json());
  expect(done).toMatchObject({ dryRun: false, changed: listed['changed'], differences: listed.differences });
  // The writes of the job; what else was wrong with a member follows when its answer is taken in.
  const puts = harness.workspace.calls.matching({ method: 'PUT' }).map(({ body }) => JSON.stringify(body));
  expect(puts.filter((body) => body.includes('Engagement Status'))).toHaveLength(Number(done['changed']));
  const wrong = await harness.wrongAttributes();
  expect(wrong.filter(({ attribute }) => attribute === 'Engagement Status')).toEqual([]);
});

test('a run is looked at while it is under way; there is no second one meanwhile', async () => {
  const harness = await createDrifted();
  const begun = await post(harness, 'reconcile', '{"async": true, "dryRun": true}');
  expect(begun.status).toBe(202);
  const { runId } = answerShape.parse(await begun.json());
  expect(begun.headers.get('location')).toBe(`/API/intercom/runs/${runId}`);
  const second = await post(harness, 'session-sync', '{}');
  expect(second.status).toBe(409);
  expect(await second.text()).toContain(runId);
  const running = await (await harness.get(`/API/intercom/runs/${runId}`)).json();
  expect(running).toMatchObject({ runId, status: 'running', finishedAt: null });

  await harness.whileJobsRun(harness.jobs.settled());
  const done = answerShape.parse(await (await harness.get(`/API/intercom/runs/${runId}`)).json());
  expect(done).toMatchObject({ status: 'done', moreDifferences: false });
  const list = await harness.get('/API/intercom/runs?job=reconcile&limit=1');
  expect(await list.json()).toMatchObject({ total: 1, runs: [{ runId }], nextCursor: null });
});

test('all that a run found is under drift, by pages and as CSV', async () => {
  const harness = await createDrifted();
  const answer = await harness.whileJobsRun(post(harness, 'reconcile', '{"dryRun": true}'));
  const { runId, differences } = answerShape.parse(await answer.json());
  const page = z.object({
    total: z.number(),
    items: z.array(z.record(z.string(), z.unknown())),
    nextCursor: z.string().nullable(),
  });
  const seen: unknown[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const path = `/API/intercom/runs/${runId}/drift?limit=3${query}`;
    const { total, items, nextCursor } = page.parse(await (await harness.get(path)).json());
    expect(total).toBe(differences.length);
    seen.push(...items);
    cursor = nextCursor;
  }
  expect(seen).toEqual(differences);
  const csv = await harness.get(`/API/intercom/runs/${runId}/drift?format=csv`);
  expect(csv.headers.get('content-disposition')).toContain(`drift-${runId}.csv`);
  const rows: Record<string, string>[] = parse(await csv.text(), { columns: true });
  expect(rows.map(({ contactId, attribute }) => [contactId, attribute])).toEqual(
    differences.map(({ contactId, attribute }) => [contactId, attribute]),
  );
});

test('a run that would change too much is answered 409 with the number, and goes on with force', async () => {
  const harness = await createDrifted(0);
  for (const { id } of harness.workspace.conversations()) {
    harness.workspace.setConversationAttributes(id, { Channel: null });
  }
  harness.clock.advance(30 * 60_000);
  const guarded = await harness.whileJobsRun(post(harness, 'reconcile', '{}'));
  expect(guarded.status).toBe(409);
  expect(await guarded.text()).toMatch(
    /would have changed \d+ of the \d+ members .*MAX_SWEEP_CHANGE_SHARE.*force/,
  );
  expect(harness.workspace.calls.matching({ method: 'PUT' })).toEqual([]);
  const forced = await harness.whileJobsRun(post(harness, 'reconcile', '{"force": true}'));
  expect(forced.status).toBe(200);
});

function never(): never {
  throw new Error('it was refused');
}

test('a job that Intercom refuses is answered with its reason', async () => {
  const harness = await createDrifted(0);
  const { id } = harness.workspace.contacts()[0] ?? { id: '' };
  expect(id).not.toBe('');
  const intercom = {
    ...harness.intercom,
    searchContacts: () => harness.intercom.readContact('no/such id', { priority: 'sweep' }).then(never),
  };
  await expect(
    harness.runJob(
      { job: 'reconcile', params: { lookbackDays: null, dryRun: true, force: false } },
      { intercom },
    ),
  ).rejects.toMatchObject({ retry: 'never' });
  const list = z.object({ runs: z.array(z.looseObject({})) });
  const { runs } = list.parse(await (await harness.get('/API/intercom/runs?limit=1')).json());
  expect(runs[0]).toMatchObject({ status: 'failed', reason: expect.any(String) });
});

test.each([
  ['session-sync', '{"lookbackDays": 0}', 'lookbackDays must be a whole number from 1 to 365'],
  ['session-sync', '{"lookbackDays": "a year"}', 'lookbackDays must be a whole number from 1 to 365'],
  ['session-sync', '{"dryRun": "perhaps"}', 'dryRun must be true or false'],
  ['reconcile', '{"force": 1}', 'force must be true or false'],
  ['reconcile', '{"days": 3, "speed": 1}', 'days is not a field of this job; speed is not'],
  ['referral-sync', '[1]', 'body must be one JSON object'],
  ['referral-sync?dryRun=true', '{"dryRun": false}', 'dryRun must be either in the body or in the address'],
  ['replay', '{}', 'all must be true, unless notifications, writes, contacts or conversations are named'],
  ['replay', '{"all": true, "writes": ["a"]}', 'all must not stand beside'],
  ['replay', '{"notifications": ["x"]}', 'notifications must be a list of numbers'],
])('POST %s with %s is refused: %s', async (path, body, sentence) => {
  const harness = await createHarness();
  const answer = await post(harness, path, body);
  expect(answer.status).toBe(400);
  expect(await answer.text()).toContain(sentence);
});

test.each([
  ['runs?limit=0', 400],
  ['runs?job=cleaning', 400],
  ['runs/run_0', 404],
  ['runs/run_0/drift', 404],
  ['runs/run_0/drift?format=xml', 400],
  ['session-sync', 405],
])('GET %s is answered %i', async (path, status) => {
  const harness = await createHarness();
  expect((await harness.get(`/API/intercom/${path}`)).status).toBe(status);
});

test('parked work is listed with its reason and goes back into the flow', async () => {
  const harness = await createHarness();
  const { body, headers } = harness.signed(
    '{"type":"notification_event","topic":"contact.user.updated","data":{}}',
  );
  await harness.app.request('/webhooks/intercom', { method: 'POST', body, headers });
  await harness.settle();
  const parked = await harness.get('/API/intercom/parked');
  const list = z.object({
    total: z.number(),
    items: z.array(z.looseObject({ id: z.string(), kind: z.string() })),
  });
  const { items } = list.parse(await parked.json());
  expect(items).toEqual([expect.objectContaining({ kind: 'notification', reason: expect.any(String) })]);
  const one = await post(harness, 'replay', JSON.stringify({ notifications: [Number(items[0]?.id)] }));
  expect(await one.json()).toEqual({ replayed: 1 });
  await harness.settle();
  const all = await post(harness, 'replay', '{"all": true}');
  expect(await all.json()).toEqual({ replayed: 1 });
});

test('parked work is listed page by page, on the page of activities too, and all of it is replayed', async () => {
  const harness = await createHarness();
  for (let number = 0; number < 120; number += 1) {
    const { body, headers } = harness.signed(`{"topic":"contact.user.updated","id":"n-${number}","data":{}}`);
    await harness.app.request('/webhooks/intercom', { method: 'POST', body, headers });
  }
  const list = z.object({
    total: z.number(),
    items: z.array(z.looseObject({ id: z.string() })),
    nextCursor: z.string().nullable(),
  });
  const ids: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const answer = await harness.get(`/API/intercom/parked?limit=50${query}`);
    const { total, items, nextCursor } = list.parse(await answer.json());
    expect(total).toBe(120);
    ids.push(...items.map(({ id }) => id));
    cursor = nextCursor;
  }
  expect(new Set(ids).size).toBe(120);
  const wrong = await harness.get('/API/intercom/parked?limit=501&cursor=x');
  expect(wrong.status).toBe(400);
  expect(await wrong.text()).toContain('must be the nextCursor of the page before');

  const pages: string[] = [];
  for (let path: string | undefined = '/intercom/activity'; path !== undefined;) {
    const page = await (await harness.get(path)).text();
    pages.push(page);
    path = /href="(\/intercom\/activity\?parkedAfter=[^"#]+)#parked"/.exec(page)?.[1];
  }
  expect(pages.map((page) => [...page.matchAll(/Retry notification \d+/g)].length)).toEqual([50, 50, 20]);
  const all = await post(harness, 'replay', '{"all": true}');
  expect(await all.json()).toEqual({ replayed: 120 });
});

test('the documented examples run as they are written', async () => {
  const harness = await createDrifted(1);
  const lines = examples('Jobs', 'curl');
  expect(lines.length).toBeGreaterThan(4);
  for (const line of lines) {
    const answer = await harness.whileJobsRun(Promise.resolve(harness.app.request(requestOf(line))));
    expect({ line, status: answer.status }).toEqual({ line, status: line.includes('async') ? 202 : 200 });
    await harness.whileJobsRun(harness.jobs.settled());
  }
});
