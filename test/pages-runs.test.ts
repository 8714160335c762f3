import { expect, test } from 'vitest';
import { populate } from '../src/sandbox/population.js';
import { createFilledHarness, populated } from './support/filled-harness.js';
import { createHarness, type Harness } from './support/harness.js';

const NIGHTLY = { job: 'reconcile', params: { lookbackDays: null, dryRun: false, force: false } } as const;
const QUIET = 'No webhook has come since';

/** A filled cache that webhooks no longer reach, and calls that close meanwhile. */
async function createDrifting(members: number): Promise<Harness> {
  const harness = await createFilledHarness(populated({ members, seed: 11 }));
  const { workspace, clock } = harness;
  clock.advance(30 * 60_000);
  // Somewhere on the way they are answered, and lost.
  workspace.webhooks.deliverTo(() => Promise.resolve(new Response('')));
  for (const { id } of workspace
    .conversations()
    .filter(({ state }) => state !== 'closed')
    .slice(0, 5)) {
    clock.advance(60_000);
    workspace.closeConversation(id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  }
  clock.advance(30 * 60_000);
  return harness;
}

async function textOf(harness: Harness, path: string): Promise<string> {
  const answer = await harness.get(path);
  expect(`${path} ${answer.status}`).toBe(`${path} 200`);
  return answer.text();
}

test('a run has a page with its drift, and silent webhooks are announced until one comes', async () => {
  const harness = await createDrifting(40);
  expect(await textOf(harness, '/intercom')).not.toContain(QUIET);
  const run = await harness.runJob(NIGHTLY);
  const { differences } = await harness.store.listDrift({ runId: run.id, limit: 100, after: null });
  expect(differences.length).toBeGreaterThan(3);

  const activity = await textOf(harness, '/intercom/activity');
  expect(activity).toContain(`<a href="/intercom/activity/runs/${run.id}">reconcile</a>`);
  expect(activity).toMatch(/Completed: \d+ of \d+ members differ/);
  const page = await textOf(harness, `/intercom/activity/runs/${run.id}`);
  for (const { contactId, memberId, why } of differences) {
    expect(page).toContain(`<a href="/intercom/members/${contactId}">${memberId}</a>`);
    expect(page).toContain(why);
  }
  expect(page).toContain(`${differences.length} differences`);
  expect((await harness.get('/intercom/activity/runs/nothing')).status).toBe(404);

  for (const path of ['/intercom', '/intercom/caseload', '/intercom/activity']) {
    expect(await textOf(harness, path)).toContain(QUIET);
  }
  harness.workspace.webhooks.deliverTo((request) => harness.app.fetch(request));
  const [contact] = harness.workspace.contacts();
  harness.workspace.updateContact(contact?.id ?? '', { customAttributes: { Employer: 'Elsewhere' } });
  await harness.settle();
  expect(await textOf(harness, '/intercom/activity')).not.toContain(QUIET);
});

test('a run that stopped before writing is announced until one of its kind ends well', async () => {
  const harness = await createDrifting(40);
  const { workspace, clock } = harness;
  for (const { id } of workspace.conversations()) {
    workspace.setConversationAttributes(id, {
      ...workspace.conversation(id).customAttributes,
      Channel: null,
    });
  }
  clock.advance(30 * 60_000);
  const run = await harness.runJob(NIGHTLY);
  expect(run.status).toBe('guarded');
  const activity = await textOf(harness, '/intercom/activity');
  const { changed = 0, of = 0 } = run.result?.guard ?? {};
  expect(activity).toContain('stopped before updating:');
  expect(activity).toContain(`it would have changed ${changed} of the ${of} members`);
  expect(activity).toContain('run it again with force');

  // All of its drift, page by page, each difference once.
  const seen: string[] = [];
  let path = `/intercom/activity/runs/${run.id}`;
  while (path !== '') {
    const page = await textOf(harness, path);
    expect(page).toContain('Nothing was changed.');
    seen.push(...[...page.matchAll(/data-key="(\w+ [^"]+)"/g)].map(([, key = '']) => key));
    path = (/<a href="([^"]+)" rel="next">/.exec(page)?.[1] ?? '').replaceAll('&amp;', '&');
  }
  const { total } = await harness.store.listDrift({ runId: run.id, limit: 1, after: null });
  expect(total).toBeGreaterThan(100);
  expect(seen).toHaveLength(total);
  expect(new Set(seen).size).toBe(total);

  clock.advance(60_000);
  expect(await textOf(harness, `/intercom/activity/runs/${run.id}`)).toContain('Run again and update all');
  const forced = await harness.runJob({ job: 'reconcile', params: { ...NIGHTLY.params, force: true } });
  expect(forced.status).toBe('done');
  const after = await textOf(harness, '/intercom/activity');
  expect(after).not.toContain('stopped before updating:');
  expect(after).toContain('reconcile (forced)');
});

test('a run says that it has found nothing only once everything was compared', async () => {
  const harness = await createHarness();
  populate(harness.workspace, { members: 5, seed: 11 });
  await harness.backfill();
  const pageOf = (id: string): Promise<string> => textOf(harness, `/intercom/activity/runs/${id}`);
  const started = await harness.jobs.start({
    job: 'reconcile',
    lookbackDays: null,
    dryRun: false,
    force: false,
  });
  const page = await pageOf(started.run.id);
  expect(page).toContain('Not compared yet.');
  expect(page).not.toContain('No differences found.');
  if (started.kind === 'started') await harness.whileJobsRun(started.ended);
  expect(await pageOf(started.run.id)).toContain('No differences found.');
});

test('what a dry run of the service keeps back is said not to be sent', async () => {
  const harness = await createHarness({ dryRun: true });
  const { workspace } = harness;
  const { id } = workspace.addContact({ customAttributes: { 'Enrolled Date': Date.UTC(2026, 0, 5) / 1000 } });
  await harness.backfill();
  const call = workspace.addConversation({ contactIds: [id], sourceType: 'phone_call' });
  workspace.closeConversation(call.id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await harness.settle();
  for (const path of [`/intercom/members/${id}`, '/intercom/activity']) {
    const page = await textOf(harness, path);
    expect(page).toContain('Not sent (dry run)');
    expect(page).not.toMatch(/on its way|Pending</);
  }
});
