import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startBalancer, type Balancer } from '../src/cli/replicas/balancer.js';
import { freePort } from '../src/cli/replicas/free-port.js';

/* The balancer of `sandbox --replicas`, with one service that answers and one that is gone. */

let balancer: Balancer;
let service: Server;
let asked: string[];

beforeEach(async () => {
  asked = [];
  service = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end('answered');
  });
  const [port, gone] = [await freePort(), await freePort()];
  await new Promise<void>((resolve) => service.listen(port, '127.0.0.1', resolve));
  balancer = await startBalancer(0);
  balancer.use([`http://127.0.0.1:${port}`, `http://127.0.0.1:${gone}`]);
});
afterEach(async () => {
  await balancer.close();
  await new Promise((resolve) => service.close(resolve));
});

test('webhooks and pages go to the one that is left', async () => {
  for (const method of ['GET', 'POST', 'GET', 'POST']) {
    const answer = await fetch(`${balancer.url}/webhooks/intercom`, { method });
    expect([answer.status, await answer.text()]).toEqual([200, 'answered']);
  }
});

test('what else changes something is handed on once', async () => {
  const statuses: number[] = [];
  for (const turn of [1, 2]) {
    statuses.push((await fetch(`${balancer.url}/change/${turn}`, { method: 'POST' })).status);
  }
  expect(statuses.toSorted((one, other) => one - other)).toEqual([200, 503]);
  expect(asked).toHaveLength(1);
});

test('somebody who goes away in the middle of a request disturbs nobody else', async () => {
  const { port } = new URL(balancer.url);
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write('POST /webhooks/intercom HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf of it');
      setImmediate(() => socket.destroy());
    });
    socket.once('close', () => resolve());
  });
  expect((await fetch(balancer.url)).status).toBe(200);
  expect(asked).toEqual(['GET /']);
});

test('without any service it says so', async () => {
  balancer.use([]);
  const answer = await fetch(balancer.url);
  expect([answer.status, await answer.text()]).toEqual([503, 'no service answers\n']);
});
