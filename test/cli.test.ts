import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runCommand, spawnCommand, temporaryDirectory } from './support/command-line.js';

const COMMANDS = [
  'serve',
  'sandbox',
  'report',
  'backup',
  'copy-to',
  'backfill',
  'reconcile',
  'replay',
  'doctor',
];

describe('the command line', () => {
  test('--help names every command', async () => {
    const { status, stdout, stderr } = await spawnCommand(['--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('Usage: intercom-engagement');
    const named = [...stdout.matchAll(/^ {2}([a-z][a-z-]*) /gm)].map(([, name]) => name);
    expect(named).toEqual([...COMMANDS, 'help']);
    const readme = /names the commands: ([^;]+);/.exec(readFileSync('README.md', 'utf8'))?.[1] ?? '';
    expect([...readme.matchAll(/`([\w-]+)`/g)].map(([, name]) => name)).toEqual(COMMANDS);
  });

  test.each(COMMANDS)('%s --help explains and ends with 0', async (command) => {
    const { status, stdout, stderr } = await runCommand([command, '--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(`Usage: intercom-engagement ${command}`);
  });

  test('--version prints the version of the package', async () => {
    const { status, stdout, stderr } = await spawnCommand(['--version']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(readFileSync('package.json', 'utf8'))).toMatchObject({ version: stdout.trim() });
  });

  test.each([
    [[], 'Usage'],
    [['sevre'], "unknown command 'sevre'"],
    [['--verbose'], "unknown option '--verbose'"],
    [['serve', '--port', '1'], "unknown option '--port'"],
    [['serve', 'now'], 'too many arguments'],
    [['sandbox', '--members', '0'], 'whole number from 1 to 20000'],
    [['sandbox', '--every', '1.5'], 'whole number from 1 to 3600'],
    [['sandbox', '--every'], 'argument missing'],
    [['doctor', '--repair'], "unknown option '--repair'"],
    [['backup'], "missing required argument 'file'"],
    [['backup', 'a.db', 'b.db'], 'too many arguments'],
    [['copy-to'], "missing required argument 'url'"],
    [['copy-to', 'engagement.db'], 'the place to copy to must be the address of a Postgres database'],
  ])('%j is wrong use: %s', async (words, reason) => {
    const { status, stdout, stderr } = await runCommand(words);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(reason);
  });

  test('serve without settings names what is missing, and leaves nothing behind', async () => {
    const directory = temporaryDirectory();
    const { status, stderr } = await spawnCommand(['serve'], { directory });
    expect(status).toBe(2);
    expect(stderr).toContain('INTERCOM_ACCESS_TOKEN is required');
    expect(stderr).toContain('INTERCOM_CLIENT_SECRET is required');
    expect(readdirSync(directory)).toEqual([]);
  });

  test('sandbox listens on PORT, --port goes before it, and a port in use is said to be so', async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void server.close());
    const address = server.address();
    const taken = String(typeof address === 'object' && address !== null ? address.port : 0);
    for (const [words, settings] of [
      [[], { PORT: taken }],
      [['--port', taken], { PORT: '0' }],
    ] as const) {
      const outcome = await runCommand(['sandbox', '--members', '1', ...words], settings);
      expect(outcome.status).toBe(1);
      expect(outcome.stderr).toContain('choose another with PORT (the sandbox also takes --port)');
    }
    const wrong = await runCommand(['sandbox'], { PORT: 'eighty' });
    expect(wrong).toEqual({
      status: 2,
      stdout: '',
      stderr: 'These settings must be fixed:\n  PORT must be a whole number from 0 to 65535\n',
    });
  });

  test('serve on a port in use says so and fails', async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const directory = temporaryDirectory();
    const { status, stderr } = await spawnCommand(['serve'], {
      settings: {
        INTERCOM_ACCESS_TOKEN: 'an-access-token',
        INTERCOM_CLIENT_SECRET: 'a-client-secret',
        INTERCOM_API_BASE: `http://127.0.0.1:${port}`,
        DATABASE_PATH: join(directory, 'deep', 'engagement.db'),
        PORT: String(port),
      },
    });
    expect(status).toBe(1);
    expect(stderr).toContain('The port is in use');
    expect(existsSync(join(directory, 'deep', 'engagement.db'))).toBe(true);
  });
});
