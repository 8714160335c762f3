import { createHmac } from 'node:crypto';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startBuiltService, type BuiltService } from './built-service.js';
import { launchBrowser, openPage, signIn } from './watched-page.js';

let browser: Browser;
let running: BuiltService;

beforeAll(async () => {
  browser = await launchBrowser();
  running = await startBuiltService({ members: 300 });
  await running.filled();
});
afterAll(async () => {
  await browser.close();
  await running.stop();
});

/** A call of a member that nobody has called, closed by a coach. */
function closeCall(contactId: string) {
  const { workspace } = running;
  const started = workspace.addConversation({
    contactIds: [contactId],
    adminId: workspace.state.admins[0]?.id ?? null,
    startedBy: 'admin',
    sourceType: 'phone_call',
  });
  return workspace.closeConversation(started.id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
}

function someMember(status: string) {
  const member = running.workspace
    .contacts()
    .find(
      ({ role, archived, customAttributes }) =>
        role === 'user' && !archived && customAttributes['Engagement Status'] === status,
    );
  if (member === undefined) throw new Error(`no member is ${status}`);
  return member;
}

/** Closes a call while the member's page is open, and says how long it took to be seen there. */
async function seeChange(page: Page): Promise<number> {
  const member = someMember('Unengaged');
  await page.goto(`/intercom/members/${member.id}`);
  const status = page.locator('[data-attribute="Engagement Status"]');
  expect(await status.textContent()).toBe('Unengaged');
  // As long as somebody reads: the first request after it has nothing new to say.
  await page.waitForResponse((answer) => answer.url().includes(member.id));
  const closedAtMs = Date.now();
  closeCall(member.id);
  await page.waitForFunction(
    () => document.querySelector('[data-attribute="Engagement Status"]')?.textContent === 'Engaged',
  );
  const tookMs = Date.now() - closedAtMs;
  expect(await page.locator('#attributes .lit').count()).toBeGreaterThan(0);
  return tookMs;
}

test('an attribute changes on the page within two seconds of a call closing', async () => {
  const watched = await openPage(browser, running.url);
  await signIn(watched);
  // A machine that is busy with other things can spoil one try, not all of them.
  const triesMs: number[] = [];
  while (triesMs.length < 5 && !triesMs.some((tookMs) => tookMs < 2000)) {
    triesMs.push(await seeChange(watched.page));
  }
  expect(Math.min(...triesMs)).toBeLessThan(2000);
});

test('updates can be paused, and resume', async () => {
  const watched = await openPage(browser, running.url);
  await signIn(watched, '/intercom/activity');
  const { page } = watched;
  await page.getByRole('button', { name: 'Pause updates' }).click();
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.waitForTimeout(2500);
  expect(asked).toEqual([]);
  await page.getByRole('button', { name: 'Resume updates' }).click();
  await page.waitForResponse((answer) => answer.url().endsWith('/intercom/activity'));
});

test('parked work is shown with its reason, and is written once it is fixed and replayed', async () => {
  const { workspace } = running;
  const member = someMember('At Risk');
  workspace.removeAttribute('contact', 'Last Call');
  const watched = await openPage(browser, running.url);
  await signIn(watched, '/intercom/activity');
  const { page } = watched;
  closeCall(member.id);
  const replay = page.getByRole('button', { name: `Retry write ${member.id}` });
  await replay.waitFor({ timeout: 5000 });
  expect(await page.locator('#parked-work').textContent()).toContain('Last Call');
  // What is asked for again every second keeps the focus where it is.
  await replay.focus();
  await page.waitForTimeout(2200);
  expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe(
    `Retry write ${member.id}`,
  );
  workspace.addAttribute({ model: 'contact', name: 'Last Call', dataType: 'date' });
  await page.keyboard.press('Enter');
  await page.getByText('1 failed update will be retried.').waitFor();
  await page.getByText('No failed updates.', { exact: false }).waitFor({ timeout: 5000 });
  expect(workspace.contact(member.id).customAttributes['Last Call']).toBeTypeOf('number');
});

test('everything that is parked can be replayed at once', async () => {
  const watched = await openPage(browser, running.url);
  await signIn(watched, '/intercom/activity');
  const body = '{"type":"notification_event","cut off';
  const signature = createHmac('sha1', running.workspace.settings.clientSecret).update(body).digest('hex');
  const answer = await fetch(`${running.url}/webhooks/intercom`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-hub-signature': `sha1=${signature}` },
    body,
  });
  expect(answer.status).toBe(200);
  const { page } = watched;
  await page.getByRole('button', { name: /^Retry notification/ }).waitFor({ timeout: 5000 });
  await page.getByRole('button', { name: 'Retry all' }).click();
  await page.getByText('1 failed update will be retried.').waitFor();
});

test('a run is seen moving from its beginning to its end without a reload', async () => {
  const slow = await startBuiltService({ members: 400, workspace: { latencyMs: 250 } });
  onTestFinished(() => slow.stop());
  const watched = await openPage(browser, slow.url);
  await signIn(watched, '/intercom/activity');
  const { page } = watched;
  const run = page.locator('.run').filter({ hasText: 'backfill' });
  await run.locator('progress[value]').waitFor();
  const seen = new Set<string>();
  // The bar goes when the run ends; then it stands among those that have ended.
  const ended = page.locator('#ended-runs tr').filter({ hasText: 'backfill' });
  while ((await ended.count()) === 0) {
    const value = await page.evaluate(() => document.querySelector('.run progress')?.getAttribute('value'));
    if (typeof value === 'string') seen.add(value);
    await page.waitForTimeout(200);
  }
  expect(await ended.textContent()).toContain('Completed');
  expect(seen.size).toBeGreaterThan(2);
});

test('what webhooks have missed is found by a run that is started on the page, and named there', async () => {
  const { workspace } = running;
  const member = someMember('Unengaged');
  workspace.webhooks.deliverTo(() => Promise.resolve(new Response('')));
  onTestFinished(() => workspace.webhooks.deliverTo(`${running.url}/webhooks/intercom`));
  closeCall(member.id);
  const watched = await openPage(browser, running.url);
  await signIn(watched, '/intercom/activity');
  const { page } = watched;
  const statusOf = () => workspace.contact(member.id).customAttributes['Engagement Status'];
  // First only looking, then writing.
  for (const [button, after] of [
    ['Check for differences (no changes)', 'Unengaged'],
    ['Check and fix', 'Engaged'],
  ] as const) {
    await page.goto('/intercom/activity');
    await page.getByRole('button', { name: button }).click();
    await page.getByRole('heading', { level: 1, name: 'Run: reconcile' }).waitFor();
    const row = page
      .locator('#differences tbody tr')
      .filter({ hasText: member.externalId ?? member.id })
      .filter({ hasText: 'Unengaged' });
    await row.waitFor();
    expect(await row.textContent()).toContain('Engaged because the last qualifying call');
    await page.getByText(/· duration .* · Completed/).waitFor();
    expect(statusOf()).toBe(after);
  }
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#csv').click()]);
  expect(download.suggestedFilename()).toMatch(/^drift-.*\.csv$/);
});

test('signing out by keyboard ends the session, and its pages are not shown again', async () => {
  const watched = await openPage(browser, running.url);
  await signIn(watched, '/intercom/caseload');
  const { page } = watched;
  await page.getByRole('button', { name: 'Sign out' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect(await page.locator('table').count()).toBe(0);
  // The way back leads to where it was asked for.
  await signIn(watched, '/intercom/sessions?channel=Phone');
  expect(page.url()).toBe(`${running.url}/intercom/sessions?channel=Phone`);
});

test('a page that keeps up leads to the sign-in when its session ends elsewhere', async () => {
  const watched = await openPage(browser, running.url);
  await signIn(watched, '/intercom/activity');
  const { page } = watched;
  await page.context().clearCookies();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect(new URL(page.url()).searchParams.get('next')).toBe('/intercom/activity');
});
