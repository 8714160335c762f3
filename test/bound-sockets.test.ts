import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { boundSockets } from '../src/http/bound-sockets.js';
import { trustProxies } from '../src/config/trusted-proxies.js';
import { createMovedClock, type MovedClock } from './support/moved-clock.js';

const LIMITS = { perClient: 3, perProxy: 5, perConnection: 4 };

interface Listening {
  readonly server: Server;
  readonly clock: MovedClock;
  /** A connection that the server has taken. */
  readonly open: (sent?: string) => Promise<Socket>;
}

/** Answers once the body is there; `hold` keeps the answer back until the test gives it. */
async function listen({ proxies = ['10.0.0.1'], hold = false } = {}): Promise<Listening> {
  const clock = createMovedClock('2026-10-15T15:00:00Z');
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      if (!hold) response.end('done');
    });
  });
  boundSockets(server, clock, trustProxies(proxies), LIMITS);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    server,
    clock,
    open: async (sent = '') => {
      const taken = once(server, 'connection');
      const asked = sent === '' ? null : once(server, 'request');
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      await taken;
      if (sent !== '') socket.write(sent);
      await asked;
      return socket;
    },
  };
}

const slowBody = (client?: string): string =>
  [
    'POST / HTTP/1.1',
    'Host: x',
    'Content-Length: 5000000',
    ...(client === undefined ? [] : [`X-Forwarded-For: ${client}`]),
  ].join('\r\n') + '\r\n\r\nsome bytes';

async function closed(socket: Socket | undefined): Promise<void> {
  if (socket === undefined) throw new Error('there is no such connection');
  await once(socket, 'close');
}

async function ask(socket: Socket): Promise<string> {
  const answer = once(socket, 'data');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  return String(await answer);
}

test('of too many that say nothing, the one that has waited the longest ends, and new ones are served', async () => {
  const { clock, open } = await listen();
  const silent = [await open(), await open(), await open()];
  const ends = silent.map(closed);
  clock.advance(1000);
  const next = await open();
  await ends[0];
  expect(await ask(next)).toContain('200 OK');
  await open();
  await ends[1];
  expect(silent[2]?.destroyed).toBe(false);
});

test('many that come at once are all served', async () => {
  const { open } = await listen();
  const sockets: Socket[] = [];
  for (let number = 0; number < 20; number += 1) sockets.push(await open());
  const answers = await Promise.all(sockets.map(ask));
  expect(answers.every((answer) => answer.includes('200 OK'))).toBe(true);
});

test('slow bodies and unused connections count alike; what is being worked on does not', async () => {
  const { clock, open } = await listen({ hold: true });
  const worked: Socket[] = [];
  for (let number = 0; number < 6; number += 1) worked.push(await open('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
  const slow = [await open(slowBody()), await open(slowBody()), await open(slowBody())];
  const end = closed(slow[0]);
  clock.advance(1000);
  await open();
  await end;
  expect([...worked, ...slow.slice(1)].some(({ destroyed }) => destroyed)).toBe(false);
});

test('behind a trusted proxy the client is whom it names, and only there', async () => {
  const { clock, open } = await listen({ proxies: ['loopback'] });
  const other = await open(slowBody('203.0.113.1'));
  const slow = [];
  for (let number = 1; number <= 3; number += 1) slow.push(await open(slowBody(`2001:db8::${number}`)));
  const end = closed(slow[0]);
  clock.advance(1000);
  await open(slowBody('2001:db8::4'));
  await end;
  expect([other, ...slow.slice(1)].some(({ destroyed }) => destroyed)).toBe(false);

  // Somebody whom nobody trusts makes up a name for each.
  const direct = await listen();
  const claimed = [];
  for (let number = 1; number <= 3; number += 1)
    claimed.push(await direct.open(slowBody(`203.0.113.${number}`)));
  const first = closed(claimed[0]);
  direct.clock.advance(1000);
  await direct.open(slowBody('203.0.113.4'));
  await first;
});

test('a connection that sends many requests ahead ends', async () => {
  const { open } = await listen({ hold: true });
  const socket = await open('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(4));
  expect(socket.destroyed).toBe(false);
  const end = closed(socket);
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await end;
});

test('a connection that is used again and again goes on', async () => {
  const { clock, open } = await listen();
  const socket = await open();
  for (let round = 0; round < 10; round += 1) {
    clock.advance(60_000);
    expect(await ask(socket)).toContain('200 OK');
  }
});
