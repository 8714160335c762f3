import { describe, expect, test } from 'vitest';
import { signBody } from '../src/intercom/signature.js';
import { createHarness, type Harness } from './support/harness.js';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function notification(fields: Record<string, unknown> = {}): Uint8Array {
  return encode(
    JSON.stringify({
      type: 'notification_event',
      app_id: 'sandbox1',
      id: 'notif_0b7cbb0e-6a1f-4a44-9a3e-0c9f9a0f3f11',
      topic: 'contact.deleted',
      created_at: 1_790_000_000,
      data: { type: 'notification_event_data', item: { type: 'contact', id: 'c-1', deleted: true } },
      ...fields,
    }),
  );
}

function post(
  harness: Harness,
  body: Uint8Array,
  headers: Record<string, string> = {},
): Response | Promise<Response> {
  return harness.app.request('/webhooks/intercom', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-hub-signature': signBody(body, harness.workspace.settings.clientSecret),
      ...headers,
    },
    body,
  });
}

async function counts(harness: Harness): Promise<Record<string, number>> {
  const { values } = await harness.metrics.webhooks.get();
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels.result), value]));
}

async function stored(harness: Harness): Promise<number> {
  const backlog = await harness.store.backlog(harness.clock.nowMs());
  return backlog.notificationsWaiting + backlog.notificationsParked;
}

test('a signed notification is stored once and answered 200, its repetition too', async () => {
  const harness = await createHarness();
  expect((await post(harness, notification())).status).toBe(200);
  expect((await post(harness, notification({ delivery_attempts: 2 }))).status).toBe(200);
  expect(await stored(harness)).toBe(1);
  expect(await counts(harness)).toEqual({ stored: 1, duplicate: 1 });
});

test.each([
  ['another secret', (body: Uint8Array) => signBody(body, 'another-client-secret')],
  ['another body', () => signBody(encode('{}'), 'sandbox-client-secret')],
  ['no algorithm', (body: Uint8Array) => signBody(body, 'sandbox-client-secret').slice('sha1='.length)],
  ['a truncated digest', (body: Uint8Array) => signBody(body, 'sandbox-client-secret').slice(0, -2)],
  ['an empty header', () => ''],
])('a signature made with %s is refused and leaves no trace but a counter', async (_case, sign) => {
  const harness = await createHarness();
  const lines = harness.logLines.length;
  const body = notification();
  const answer = await post(harness, body, { 'x-hub-signature': sign(body) });
  expect(answer.status).toBe(401);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(await stored(harness)).toBe(0);
  expect(harness.logLines.slice(lines)).toEqual([]);
  expect(await counts(harness)).toEqual({ wrong_signature: 1 });
});

test('either of two secrets signs while they are rotated', async () => {
  const { verifySignature } = await import('../src/intercom/signature.js');
  const body = notification();
  for (const secret of ['old-client-secret', 'new-client-secret']) {
    expect(verifySignature(body, signBody(body, secret), ['old-client-secret', 'new-client-secret'])).toBe(
      true,
    );
  }
});

test.each(['GET', 'HEAD'])('%s answers 200: Intercom checks the address that way', async (method) => {
  const harness = await createHarness();
  expect((await harness.app.request('/webhooks/intercom', { method })).status).toBe(200);
});

test('a ping, without an id, is answered 200 and not stored', async () => {
  const harness = await createHarness();
  const ping = notification({ id: null, topic: 'ping', data: { item: { type: 'ping', message: 'hello' } } });
  expect((await post(harness, ping)).status).toBe(200);
  expect(await stored(harness)).toBe(0);
  expect(await counts(harness)).toEqual({ ping: 1 });
});

test('a topic that does not concern us is answered 200 and not stored', async () => {
  const harness = await createHarness();
  expect((await post(harness, notification({ topic: 'ticket.created' }))).status).toBe(200);
  expect(await stored(harness)).toBe(0);
  expect(await counts(harness)).toEqual({ ignored: 1 });
});

test.each([
  ['cut off', encode('{"type":"notification_event","id":"notif_1","topic":"conver')],
  ['not UTF-8', new Uint8Array([0x7b, 0xff, 0xfe, 0x7d])],
  ['an array', encode('[1,2,3]')],
  ['without an object id', notification({ data: { item: { type: 'contact' } } })],
])('a signed body that is %s is stored parked, once, and answered 200', async (_case, body) => {
  const harness = await createHarness();
  expect((await post(harness, body)).status).toBe(200);
  expect((await post(harness, body)).status).toBe(200);
  const parked = await harness.store.parked();
  expect(parked).toHaveLength(1);
  expect(parked[0]?.reason).not.toBe('');
});

test('a body that is not JSON by its type is refused with 415', async () => {
  const harness = await createHarness();
  const answer = await post(harness, notification(), { 'content-type': 'text/plain' });
  expect(answer.status).toBe(415);
  expect(await stored(harness)).toBe(0);
});

test('a body over 5 MB is refused with 413', async () => {
  const harness = await createHarness();
  const body = encode(' '.repeat(5 * 1024 * 1024 + 1));
  expect((await post(harness, body)).status).toBe(413);
  expect(await stored(harness)).toBe(0);
});

test('a notification that cannot be stored is answered 503, so that Intercom delivers it again', async () => {
  const harness = await createHarness();
  await harness.store.close();
  const answer = await post(harness, notification());
  expect(answer.status).toBe(503);
  expect(answer.headers.get('retry-after')).toBe('60');
  expect(await counts(harness)).toEqual({ not_stored: 1 });
});

test('notifications that come together are all stored, each once', async () => {
  const harness = await createHarness();
  const bodies = Array.from({ length: 200 }, (_, index) =>
    notification({
      id: `notif_${index % 100}`,
      data: { item: { type: 'contact', id: `c-${index % 100}`, deleted: true } },
    }),
  );
  const answers = await Promise.all(bodies.map(async (body) => post(harness, body)));
  expect(answers.every((answer) => answer.status === 200)).toBe(true);
  expect(await stored(harness)).toBe(100);
});

describe('long bodies', () => {
  const MB = 1024 * 1024;
  const piece = new Uint8Array(MB);
  const long = (id: string): Uint8Array => notification({ id, padding: 'x'.repeat(MB) });

  /** A body that arrives as far as `received`, and then no further until it is ended. */
  function begin(harness: Harness, received: number, headers: Record<string, string> = {}) {
    const begun = { end: (): void => undefined };
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (let left = received; left > 0; left -= MB) controller.enqueue(piece.subarray(0, left));
        begun.end = () => controller.close();
      },
      cancel: () => {
        begun.end = () => undefined;
      },
    });
    const answer = harness.app.request('/webhooks/intercom', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
      duplex: 'half',
    });
    return { answer: Promise.resolve(answer), end: () => begun.end() };
  }
  /** Lets everything that has arrived be read. */
  const arrive = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };

  test.each([{ 'content-length': String(5 * MB) }, { 'transfer-encoding': 'chunked' }, {}])(
    'that are only announced take no place: %j',
    async (declared) => {
      const harness = await createHarness();
      const silent = Array.from({ length: 100 }, () => begin(harness, 0, declared));
      await arrive();
      const body = long('notif_1');
      expect((await post(harness, body, { 'content-length': String(body.length) })).status).toBe(200);
      expect((await post(harness, long('notif_2'), { 'transfer-encoding': 'chunked' })).status).toBe(200);
      for (const { end } of silent) end();
      const statuses = await Promise.all(silent.map(async ({ answer }) => (await answer).status));
      expect(new Set(statuses)).toEqual(new Set([401]));
    },
  );

  test('that are left half-way give way to those that arrive, the oldest of whoever holds the most first', async () => {
    const harness = await createHarness();
    const from = (address: string) => ({ 'x-forwarded-for': address });
    const patient = begin(harness, 2 * MB, from('198.51.100.1'));
    await arrive();
    const hogs = Array.from({ length: 40 }, () => begin(harness, 4 * MB, from('198.51.100.7')));
    await arrive();
    const short = notification();
    expect((await post(harness, short, { 'content-length': String(short.length) })).status).toBe(200);
    for (let number = 0; number < 5; number += 1) {
      const headers = { 'transfer-encoding': 'chunked', ...from('203.0.113.1') };
      expect((await post(harness, long(`notif_${number}`), headers)).status).toBe(200);
    }
    for (const { end } of [...hogs, patient]) end();
    const statuses = await Promise.all(hogs.map(async ({ answer }) => (await answer).status));
    // 80 MB hold 19 of them beside the other one.
    expect(statuses.indexOf(401)).toBeGreaterThanOrEqual(21);
    expect(new Set(statuses.slice(0, 20))).toEqual(new Set([503]));
    expect((await hogs[0]?.answer)?.headers.get('retry-after')).toBe('60');
    expect((await patient.answer).status).toBe(401);
    expect((await counts(harness))['busy']).toBeGreaterThanOrEqual(21);
  });

  test('give their place back whatever becomes of them', async () => {
    const harness = await createHarness();
    for (let round = 0; round < 40; round += 1) {
      const abandoned = begin(harness, 4 * MB);
      await arrive();
      abandoned.end();
      expect((await abandoned.answer).status).toBe(401);
    }
    const tooLong = begin(harness, 6 * MB);
    expect((await tooLong.answer).status).toBe(413);
    expect(await counts(harness)).toEqual({ wrong_signature: 40, too_large: 1 });
  });

  test('are copied as they arrive, so that a million short pieces take no more memory than their bytes', async () => {
    const harness = await createHarness();
    const body = long('notif_1');
    const shared = new Uint8Array(1000);
    let at = 0;
    // Overwrites each piece with the next one: whoever keeps the pieces themselves has the last one many times.
    const stream = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          const next = body.subarray(at, at + shared.length);
          at += next.length;
          shared.set(next);
          if (next.length > 0) controller.enqueue(shared.subarray(0, next.length));
          else controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const answer = await harness.app.request('/webhooks/intercom', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'transfer-encoding': 'chunked',
        'x-hub-signature': signBody(body, harness.workspace.settings.clientSecret),
      },
      body: stream,
      duplex: 'half',
    });
    expect(answer.status).toBe(200);
  });

  test('whose sender goes away leave no line in the log', async () => {
    const harness = await createHarness();
    const lines = harness.logLines.length;
    const body = new ReadableStream({
      start: (controller) => {
        controller.enqueue(new Uint8Array(100_000));
      },
      pull: (controller) => {
        controller.error(new Error('the connection is gone'));
      },
    });
    const headers = { 'content-type': 'application/json' };
    const request = { method: 'POST', headers, body, duplex: 'half' } as const;
    expect((await harness.app.request('/webhooks/intercom', request)).status).toBe(400);
    expect(harness.logLines.slice(lines)).toEqual([]);
    expect(await counts(harness)).toEqual({ broken: 1 });
  });
});

test.each(['GET', 'HEAD'])('%s answers 200 with a slash at the end too', async (method) => {
  const harness = await createHarness();
  expect((await harness.app.request('/webhooks/intercom/', { method })).status).toBe(200);
});

test('a notification to the address with a slash at the end is stored', async () => {
  const harness = await createHarness();
  const body = notification();
  const headers = {
    'content-type': 'application/json',
    'x-hub-signature': signBody(body, harness.workspace.settings.clientSecret),
  };
  const answer = await harness.app.request('/webhooks/intercom/', { method: 'POST', headers, body });
  expect(answer.status).toBe(200);
  expect(await stored(harness)).toBe(1);
});
