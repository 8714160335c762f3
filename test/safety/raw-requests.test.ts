import { connect } from 'node:net';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { prepareService } from '../support/started-service.js';

const CASES = 1500;

/** What no client library sends. */
const rawRequest = fc
  .record({
    line: fc.constantFrom(
      'POST /webhooks/intercom HTTP/1.1', 'POST /webhooks/intercom HTTP/1.0', 'GET /API/intercom/members/%00 HTTP/1.1',
      'GET //intercom HTTP/1.1', 'GET /intercom/../../etc/passwd HTTP/1.1', 'GET http://elsewhere.example/ HTTP/1.1',
      'GET /assets/%2e%2e%2fmain.js HTTP/1.1', 'GET /%ff%fe HTTP/1.1', 'BREW /coffee HTTP/1.1', 'GET /a\0b HTTP/1.1',
      'OPTIONS * HTTP/1.1', 'CONNECT a:1 HTTP/1.1', 'GET /intercom HTTP/9.9', `GET /${'a'.repeat(20_000)} HTTP/1.1`,
    ), // prettier-ignore
    headers: fc.array(
      fc.oneof(
        fc.constantFrom(
          'Host: x', 'Host: ', 'Host: a\r\nHost: b', 'Host: [::1', 'Host: x y', 'Content-Length: 5', 'Content-Length: -1',
          'Content-Length: 99999999999999999999', 'Content-Length: 5, 6', 'Transfer-Encoding: chunked',
          'Transfer-Encoding: gzip, chunked', 'Expect: 100-continue', 'Upgrade: websocket\r\nConnection: Upgrade',
          'Content-Type: application/json', 'X-Hub-Signature: sha1=' + '0'.repeat(40), 'Cookie: engagement_session=%',
          'Authorization: Bearer', 'X-Forwarded-For: \'"<>', 'X-Forwarded-Proto: https, http', 'Accept-Encoding: gzip;q=x',
        ), // prettier-ignore
        fc.string({ unit: 'binary', maxLength: 60 }),
      ),
      { maxLength: 8 },
    ),
    body: fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.constantFrom(
        '',
        '5\r\nhello\r\n0\r\n\r\n',
        'ffffffffffffffff\r\n',
        '-5\r\nx',
        'GET / HTTP/1.1\r\n\r\n'.repeat(20),
      ),
    ),
  })
  .map(({ line, headers, body }) => Buffer.from(`${[line, ...headers].join('\r\n')}\r\n\r\n${body}`));

/** Sends the bytes, ends its half and answers what came back. */
function exchange(port: number, bytes: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
    socket.setEncoding('latin1').on('data', (piece: string) => (text += piece));
    socket.on('error', () => undefined);
    socket.once('close', () => resolve(text));
  });
}

test('requests that are no HTTP, or odd HTTP, are refused or answered, never with a failure, and end nothing', async () => {
  const { start, port } = await prepareService({ members: 3 });
  const service = await start();
  const property = fc.asyncProperty(
    fc.array(rawRequest, { minLength: 10, maxLength: 10 }),
    async (requests) => {
      const answers = await Promise.all(requests.map((bytes) => exchange(port, bytes)));
      for (const text of answers) expect(text).not.toMatch(/^HTTP\/1\.\d 5(?!05)/m);
    },
  );
  await fc.assert(property, { numRuns: CASES / 10, endOnFailure: true });
  expect(service.process.exitCode).toBeNull();
  expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
  service.process.kill('SIGTERM');
  expect(await service.ended).toBe(0);
});
