import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../src/clock.js';
import { listen } from '../src/http/listen.js';
import { createApp } from '../src/app.js';
import { API_TOKEN, createHarness, type Harness } from './support/harness.js';

/** Sends the lines over a connection of its own and answers all that comes back, once the other side is done. */
function exchange(port: number, lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.end(`${lines.join('\r\n')}\r\n\r\n`));
    socket.setEncoding('latin1').on('data', (piece: string) => (text += piece));
    socket.on('error', reject);
    socket.once('close', () => resolve(text));
  });
}

async function listening(access?: Harness['appDeps']['access']) {
  const harness = await createHarness();
  await harness.backfill();
  const app = access === undefined ? harness.app : createApp({ ...harness.appDeps, access });
  const listener = await listen(app, { host: '127.0.0.1', port: 0 }, systemClock);
  onTestFinished(() => listener.close());
  return { harness, port: Number(new URL(listener.url).port) };
}

test.each([
  ['as HAProxy checks', 'GET', '/readyz HTTP/1.0', []],
  ['as HAProxy checks, the head alone', 'HEAD', '/readyz HTTP/1.0', []],
  ['with an empty Host', 'GET', '/readyz HTTP/1.1', ['Host: ', 'Connection: close']],
  [
    'with a whole address',
    'GET',
    'http://engagement.example.com/readyz HTTP/1.1',
    ['Host: engagement.example.com'],
  ],
  ['with a whole address and nothing else', 'GET', 'http://engagement.example.com/readyz HTTP/1.0', []],
  ['by address and port', 'GET', '/readyz HTTP/1.0', ['Host: 10.0.0.7:80']],
  ['by an IPv6 address', 'GET', '/readyz HTTP/1.0', ['Host: [fd00::7]:3000']],
  ['by the name of a container', 'GET', '/readyz HTTP/1.0', ['Host: engagement_1:3000']],
])('readiness is told to whoever asks %s', async (_name, method, target, headers) => {
  const { port } = await listening();
  for (const path of ['/readyz', '/healthz']) {
    const text = await exchange(port, [`${method} ${target.replace('/readyz', path)}`, ...headers]);
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text.endsWith('}')).toBe(method === 'GET');
    // Whoever speaks 1.0 knows no pieces.
    expect(text).not.toMatch(/transfer-encoding/i);
  }
});

test('without a Host a token is asked for as ever, and no name stands in for localhost', async () => {
  const { port } = await listening();
  const ask = (...headers: string[]): Promise<string> =>
    exchange(port, ['GET /API/intercom/glossary HTTP/1.0', ...headers]);
  expect(await ask()).toMatch(/^HTTP\/1\.1 401 /);
  expect(await ask(`Authorization: Bearer ${API_TOKEN}`)).toMatch(/^HTTP\/1\.1 200 /);
  for (const auth of ['token', 'proxy'] as const) {
    const open = await listening({ apiTokens: [], auth, publicHosts: ['reports.example'] });
    // An empty name is none either.
    for (const host of [[], ['Host:'], ['Host:  ']]) {
      const target = 'GET /API/intercom/glossary HTTP/1.0';
      expect(await exchange(open.port, [target, ...host])).toMatch(/^HTTP\/1\.1 421 /);
    }
  }
});

test('a webhook that comes through a proxy of the old kind is taken', async () => {
  const { harness, port } = await listening();
  const { body, headers } = harness.signed(
    '{"type":"notification_event","topic":"ping","id":null,"data":{"item":{}}}',
  );
  const text = await exchange(port, [
    'POST /webhooks/intercom HTTP/1.0',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${body.length}`,
    '',
    body,
  ]);
  expect(text).toMatch(/^HTTP\/1\.1 200 /);
});
