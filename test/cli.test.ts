import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const MAIN = resolve('src/main.ts');
const TSX = resolve('node_modules/tsx/dist/loader.mjs');

/** Runs the command line in an empty folder, with these settings only. */
function run(words: readonly string[], settings: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'engagement-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const child = spawn(process.execPath, ['--import', TSX, MAIN, ...words], {
    cwd: folder,
    env: { PATH: process.env['PATH'], ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((done) => child.once('close', (status) => done({ status, stdout, stderr })));
}

describe('the command line', () => {
  test.each([[['--help']], [['sandbox', '--help']]])('%j explains and ends with 0', async (words) => {
    const { status, stdout } = await run(words);
    expect(status).toBe(0);
    expect(stdout).toContain('Usage: intercom-engagement');
  });

  test.each([
    [[], 'Usage'],
    [['sevre'], "unknown command 'sevre'"],
    [['serve', '--port', '1'], "unknown option '--port'"],
    [['serve', 'now'], 'too many arguments'],
    [['sandbox', '--members', '0'], 'whole number from 1 to 20000'],
  ])('%j is wrong use: %s', async (words, reason) => {
    const { status, stderr } = await run(words);
    expect(status).toBe(2);
    expect(stderr).toContain(reason);
  });

  test('serve without settings names what is missing, and leaves nothing behind', async () => {
    const { status, stderr } = await run(['serve']);
    expect(status).toBe(2);
    expect(stderr).toContain('INTERCOM_ACCESS_TOKEN is required');
    expect(stderr).toContain('INTERCOM_CLIENT_SECRET is required');
  });

  test('serve on a port in use says so and fails', async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const folder = mkdtempSync(join(tmpdir(), 'engagement-cli-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const { status, stderr } = await run(['serve'], {
      INTERCOM_ACCESS_TOKEN: 'an-access-token',
      INTERCOM_CLIENT_SECRET: 'a-client-secret',
      INTERCOM_API_BASE: `http://127.0.0.1:${port}`,
      DATABASE_PATH: join(folder, 'deep', 'engagement.db'),
      PORT: String(port),
    });
    expect(status).toBe(1);
    expect(stderr).toContain('The port is in use');
    expect(existsSync(join(folder, 'deep', 'engagement.db'))).toBe(true);
  });
});
