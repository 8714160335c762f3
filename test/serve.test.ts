import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../src/clock.js';
import { readConfig } from '../src/config/config.js';
import { createLog } from '../src/log.js';
import { startSandboxServer } from '../src/sandbox/serve-sandbox.js';
import { serve } from '../src/serve.js';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.js';
import { BUNDLE_DIRECTORY } from './support/bundle-directory.js';
import { spawnCommand, temporaryDirectory } from './support/command-line.js';
import { createTestWorkspace } from './support/test-workspace.js';

const SETTINGS = { INTERCOM_ACCESS_TOKEN: 'an-access-token', INTERCOM_CLIENT_SECRET: 'a-client-secret' };

async function takenPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

interface Running {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<unknown>;
}

/** The command in a process of its own, once it listens. */
async function startServe(
  settings: Record<string, string>,
  nodeOptions: readonly string[] = [],
): Promise<Running> {
  const child = spawn(process.execPath, [...nodeOptions, join(BUNDLE_DIRECTORY, 'main.js'), 'serve'], {
    cwd: temporaryDirectory(),
    env: { PATH: process.env['PATH'], PORT: '0', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const listening = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (output.includes('"listening"')) resolve();
      });
    }
  });
  const ended = once(child, 'close').then(([status]: unknown[]) => status);
  await Promise.race([listening, ended]);
  return { child, output: () => output, ended };
}

test('what was opened is closed again when the port is taken', async () => {
  const directory = temporaryDirectory();
  const port = await takenPort();
  const config = readConfig({
    ...SETTINGS,
    DATABASE_PATH: join(directory, 'engagement.db'),
    PORT: String(port),
    INTERCOM_API_BASE: `http://127.0.0.1:${port}`,
  });
  const log = createLog({ level: 'info', write: () => undefined });
  await expect(serve({ config, clock: systemClock, log })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  // The last one to close the database takes its log away.
  expect(readdirSync(directory)).toEqual(['engagement.db']);
});

test('an address that it can not listen on is a wrong setting', async () => {
  const config = readConfig({
    ...SETTINGS,
    HOST: '192.0.2.1',
    PORT: '0',
    API_TOKENS: '0123456789abcdef0123',
    DATABASE_PATH: join(temporaryDirectory(), 'engagement.db'),
    INTERCOM_API_BASE: 'http://127.0.0.1:1',
  });
  const log = createLog({ level: 'info', write: () => undefined });
  await expect(serve({ config, clock: systemClock, log })).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('HOST is no address of this machine'),
  });
});

test('told to stop it is not ready at once, and takes requests until it is drained', async () => {
  const directory = temporaryDirectory();
  const config = readConfig({
    ...SETTINGS,
    DATABASE_PATH: join(directory, 'engagement.db'),
    PORT: '0',
    DRAIN_SECONDS: '60',
    INTERCOM_API_BASE: 'http://127.0.0.1:1',
  });
  const drained = Promise.withResolvers<void>();
  const clock = {
    ...systemClock,
    sleep: (ms: number, signal?: AbortSignal) =>
      ms === 60_000 && signal === undefined ? drained.promise : systemClock.sleep(ms, signal),
  };
  const log = createLog({ level: 'info', write: () => undefined });
  const service = await serve({ config, clock, log });
  service.bound.catch(() => undefined);
  expect(
    await service.store.beat({ owner: 'test', role: 'command', nowMs: Date.now(), aliveForMs: 60_000 }),
  ).toMatchObject({ services: 1, processes: 2 });
  const stopped = service.stop();
  const answer = await fetch(`${service.url}/readyz`);
  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({ stopping: true });
  expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
  drained.resolve();
  await stopped;
  await expect(fetch(`${service.url}/healthz`)).rejects.toThrow('fetch failed');
  const store = openSqliteStore({ path: join(directory, 'engagement.db'), timeZone: config.timeZone });
  expect(
    await store.beat({ owner: 'test', role: 'command', nowMs: Date.now(), aliveForMs: 1 }),
    'it has left',
  ).toMatchObject({
    services: 0,
  });
  await store.close();
});

test('told to stop while Intercom cannot be reached it stops, and that is no failure', async () => {
  const directory = temporaryDirectory();
  const closed = createServer();
  await new Promise<void>((listening) => closed.listen(0, '127.0.0.1', listening));
  const address = closed.address();
  closed.close();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const { child, output, ended } = await startServe({
    ...SETTINGS,
    DATABASE_PATH: join(directory, 'engagement.db'),
    INTERCOM_API_BASE: `http://127.0.0.1:${port}`,
  });
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(output()).not.toContain('"level":"error"');
  expect(output().trimEnd().split('\n').at(-1)).toContain('"msg":"stopped"');
  expect(readdirSync(directory)).toEqual(['engagement.db']);
});

test('with a token of another workspace it says which, closes the database and fails', async () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'engagement.db');
  const store = openSqliteStore({ path, timeZone: 'America/New_York' });
  await store.bindWorkspace({ id: 'other1', timeZone: 'UTC' });
  await store.close();
  const workspace = createTestWorkspace();
  const intercom = await startSandboxServer(workspace);
  onTestFinished(() => intercom.close());
  const outcome = await spawnCommand(['serve'], {
    settings: {
      INTERCOM_ACCESS_TOKEN: workspace.settings.token,
      INTERCOM_CLIENT_SECRET: workspace.settings.clientSecret,
      INTERCOM_API_BASE: intercom.url,
      DATABASE_PATH: path,
      PORT: '0',
    },
  });
  expect(outcome.status).toBe(1);
  expect(outcome.stderr).toContain('belongs to the Intercom workspace other1, the token to sandbox1');
  expect(readdirSync(directory)).toEqual(['engagement.db']);
});

test('a defect that nothing catches ends the process without the words of its message', async () => {
  const directory = temporaryDirectory();
  const fault = join(directory, 'fault.mjs');
  writeFileSync(fault, 'process.on("SIGUSR2", () => { throw new TypeError("Jane Doe, born 1961-03-14"); });');
  const settings = {
    DATABASE_PATH: join(directory, 'engagement.db'),
    INTERCOM_API_BASE: 'http://127.0.0.1:1',
  };
  const { child, output, ended } = await startServe({ ...SETTINGS, ...settings }, ['--import', fault]);
  child.kill('SIGUSR2');
  expect(await ended).toBe(1);
  expect(output()).toMatch(/"level":"error".*"type":"TypeError".*the process ends/);
  expect(output()).not.toContain('Jane');
});

test('a .env that cannot be read is a wrong setting', async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, '.env'));
  const { status, stderr } = await spawnCommand(['serve'], { directory, settings: SETTINGS });
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: 'These settings must be fixed:\n  ./.env must be a file that this user may read\n',
  });
});
