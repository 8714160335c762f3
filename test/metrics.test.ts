import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { signBody } from '../src/intercom/signature.js';
import { createHarness, type Harness } from './support/harness.js';

/** The samples of a scrape, `name{labels}` → value. */
async function scrape(harness: Harness): Promise<Map<string, number>> {
  const answer = await harness.get('/metrics');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const samples = (await answer.text()).matchAll(/^(\w+(?:\{.*\})?) (\S+)$/gm);
  return new Map(
    [...samples].map(([, name = '', value = '']) => [name, Number(value.replace('Inf', 'Infinity'))]),
  );
}

/** A member with one closed call that Intercom has notified of and that has been written back. */
async function oneCall(harness: Harness): Promise<void> {
  const { workspace } = harness;
  const { id } = workspace.addContact({ externalId: 'M-1' });
  const call = workspace.addConversation({ contactIds: [id] });
  workspace.closeConversation(call.id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await harness.settle();
}

interface Line extends Readonly<Record<string, unknown>> {
  readonly msg: string;
}

function linesOf(harness: Harness, message: string): Line[] {
  return harness.logLines.map((line): Line => JSON.parse(line)).filter((line) => line.msg === message);
}

/** What `promtool check metrics` holds against a scrape, as far as names and descriptions go. */
function complaintsAbout(text: string): string[] {
  const helped = new Set([...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, name = '']) => name));
  return [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type = '']) => [
    ...(helped.has(name) ? [] : [`${name} has no description`]),
    ...(type === 'counter' && !name.endsWith('_total') ? [`${name} is a counter without _total`] : []),
    ...(type !== 'counter' && name.endsWith('_total') ? [`${name} is no counter`] : []),
    ...(type !== 'histogram' && type !== 'summary' && /_(?:count|sum|bucket)$/.test(name)
      ? [`${name} is called as a part of a histogram`]
      : []),
    ...(/[A-Z:]/.test(name) ? [`${name} has capitals or colons`] : []),
    ...(name
      .split('_')
      .some((part) =>
        /^(?:gauge|counter|histogram|summary|ms|milliseconds|us|kb|mb|minutes|hours|days|percent)$/.test(
          part,
        ),
      )
      ? [`${name} names its type or no base unit`]
      : []),
  ]);
}

describe('metrics', () => {
  test('are called as Prometheus wants it, those of Node too', async () => {
    const harness = await createHarness();
    harness.metrics.measureProcess();
    await oneCall(harness);
    const text = await (await harness.get('/metrics')).text();
    expect(complaintsAbout(text)).toEqual([]);
    expect(text).toContain('# TYPE nodejs_active_handles gauge');
    expect(complaintsAbout('# HELP a_total x\n# TYPE a_total gauge\n')).toEqual(['a_total is no counter']);
  });

  test('pass promtool where it is installed', async (context) => {
    const tool = process.env['PROMTOOL'] ?? 'promtool';
    if (spawnSync(tool, ['--version']).error !== undefined) context.skip('promtool is not installed');
    const harness = await createHarness();
    harness.metrics.measureProcess();
    await oneCall(harness);
    const input = await (await harness.get('/metrics')).text();
    const { status, stdout, stderr } = spawnSync(tool, ['check', 'metrics'], { input, encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('show a call on its whole way', async () => {
    const harness = await createHarness();
    await oneCall(harness);
    const samples = await scrape(harness);
    const expected = {
      'engagement_webhooks_total{topic="conversation.admin.closed",result="stored"}': 1,
      engagement_store_writable: 1,
      engagement_inbox_waiting: 0,
      engagement_inbox_oldest_seconds: 0,
      engagement_inbox_parked: 0,
      engagement_writes_waiting: 0,
      engagement_writes_oldest_seconds: 0,
      engagement_writes_parked: 0,
      engagement_members: 1,
      engagement_conversations: 1,
      'engagement_writes_total{result="sent"}': 1,
      engagement_write_latency_seconds_count: 1,
      'engagement_intercom_calls_total{call="PUT /contacts/{id}",status="2xx"}': 1,
      'engagement_intercom_call_seconds_count{call="PUT /contacts/{id}"}': 1,
      engagement_intercom_rate_limit: 1666,
      engagement_intercom_paused_seconds: 0,
      engagement_intercom_calls_in_flight: 0,
      engagement_intercom_calls_waiting: 0,
    };
    expect(Object.fromEntries([...samples].filter(([name]) => name in expected))).toEqual(expected);
    expect(samples.get('engagement_notification_latency_seconds_count')).toBe(
      samples.get('engagement_notifications_total{result="applied"}'),
    );
    expect(samples.get('engagement_intercom_rate_remaining')).toBeLessThan(1666);
    expect([...samples.keys()].filter((name) => name.startsWith('engagement_build_info'))).toHaveLength(1);
  });

  test('tell ages from the last time, and for ever from what never was', async () => {
    const harness = await createHarness();
    const ages = async (): Promise<unknown[]> => {
      const samples = await scrape(harness);
      return ['applied', 'sweep', 'complete'].map((name) => samples.get(`engagement_${name}_age_seconds`));
    };
    expect(await ages()).toEqual([Infinity, Infinity, Infinity]);
    await harness.backfill();
    await oneCall(harness);
    harness.clock.advance(90_000);
    const [applied, swept] = await ages();
    expect([applied, swept]).toEqual([90, 90]);
    const samples = await scrape(harness);
    expect(samples.get('engagement_run_status{job="backfill",status="done"}')).toBe(1);
  });

  test('tell what Intercom refuses, and how long no call goes out', async () => {
    const harness = await createHarness();
    harness.workspace.faults.next({ method: 'PUT' }, { kind: 'status', status: 429 }, { kind: 'reset' });
    await oneCall(harness);
    const samples = await scrape(harness);
    expect(samples.get('engagement_intercom_calls_total{call="PUT /contacts/{id}",status="429"}')).toBe(1);
    expect(samples.get('engagement_intercom_paused_seconds')).toBeGreaterThan(0);
    expect(samples.get('engagement_writes_total{result="retried"}')).toBe(1);
    await harness.settleWithRetries();
    const then = await scrape(harness);
    expect(then.get('engagement_intercom_calls_total{call="PUT /contacts/{id}",status="none"}')).toBe(1);
    expect(then.get('engagement_writes_total{result="sent"}')).toBe(1);
  });

  test('are answered when the database is not, and say so', async () => {
    const harness = await createHarness();
    await oneCall(harness);
    await scrape(harness);
    await harness.store.close();
    const samples = await scrape(harness);
    expect(samples.get('engagement_store_writable')).toBe(0);
    expect(samples.get('engagement_members')).toBe(1);
    expect((await harness.app.request('/readyz')).status).toBe(503);
  });
});

describe('each step writes one line for each thing it does', () => {
  test('from the notification to the write, by which one can be followed', async () => {
    const harness = await createHarness();
    await oneCall(harness);
    const webhook = linesOf(harness, 'webhook').find((line) => line['topic'] === 'conversation.admin.closed');
    expect(webhook).toMatchObject({
      level: 'info',
      result: 'stored',
      event: expect.stringMatching(/^notif_/),
    });
    expect(webhook).toMatchObject({ bytes: expect.any(Number), ms: expect.any(Number) });
    const event = webhook?.['event'];
    const handled = linesOf(harness, 'notification handled').filter((line) => line['event'] === event);
    expect(handled).toEqual([
      expect.objectContaining({
        level: 'info',
        topic: 'conversation.admin.closed',
        subject: expect.stringMatching(/^conversation \d+$/),
        attempt: 1,
        result: 'applied',
        queued: 2,
        waitedMs: 0,
        ms: 0,
      }),
    ]);
    const written = linesOf(harness, 'write handled').filter((line) => line['event'] === event);
    expect(written).toEqual([
      expect.objectContaining({
        level: 'info',
        contact: expect.any(String),
        cause: 'notification',
        attempt: 1,
        result: 'sent',
        wrote: ['Last Coaching Session', 'Last Call'],
      }),
    ]);
  });

  test('a failed attempt says which of how many it was, why, and when the next one comes', async () => {
    const harness = await createHarness();
    harness.workspace.faults.next({ method: 'PUT' }, { kind: 'status', status: 503 });
    await oneCall(harness);
    const failed = linesOf(harness, 'write handled').filter((line) => line['result'] === 'retried');
    expect(failed).toEqual([
      expect.objectContaining({
        level: 'warn',
        attempt: 1,
        of: 10,
        retryInMs: expect.any(Number),
        reason: expect.stringContaining('intercom_unavailable'),
      }),
    ]);
    await harness.settleWithRetries();
    const sent = linesOf(harness, 'write handled').filter((line) => line['result'] === 'sent');
    expect(sent).toEqual([expect.objectContaining({ attempt: 2 })]);
  });

  test('what is refused for good is parked in one line', async () => {
    const harness = await createHarness();
    for (const name of ['Last Call', 'Last Coaching Session'])
      harness.workspace.removeAttribute('contact', name);
    await oneCall(harness);
    const parked = linesOf(harness, 'write handled').filter((line) => line['result'] === 'parked');
    expect(parked).toEqual([
      expect.objectContaining({ attempt: 1, of: 1, reason: expect.stringContaining('parameter_invalid') }),
    ]);
    expect((await scrape(harness)).get('engagement_writes_parked')).toBe(1);
  });

  test('a notification that cannot be stored says so, and Prometheus too', async () => {
    const harness = await createHarness();
    await harness.store.close();
    const body =
      '{"topic":"contact.user.created","id":"notif_1","data":{"item":{"type":"contact","id":"c-1"}}}';
    const signature = signBody(Buffer.from(body), harness.workspace.settings.clientSecret);
    const headers = { 'content-type': 'application/json', 'x-hub-signature': signature };
    const answer = await harness.app.request('/webhooks/intercom', { method: 'POST', headers, body });
    expect(answer.status).toBe(503);
    const [line] = linesOf(harness, 'webhook');
    expect(line).toMatchObject({
      level: 'error',
      event: 'notif_1',
      result: 'not_stored',
      reason: expect.stringContaining('store_unavailable'),
    });
    const samples = await scrape(harness);
    expect(samples.get('engagement_webhooks_total{topic="contact.user.created",result="not_stored"}')).toBe(
      1,
    );
  });
});
