import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test, type TestContext } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { prepareService } from '../support/started-service.js';

const MOUNT_OPTIONS = { size: 'size=6m', readOnly: 'remount,ro' };
const BALLAST_BYTES = 2_500_000;

/** A file system of a few megabytes; the test is skipped where this user may not make one. */
function mountSmall(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'engagement-small-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', MOUNT_OPTIONS.size, 'tmpfs', directory], { stdio: 'ignore' });
  } catch {
    rmSync(directory, { recursive: true, force: true });
    context.skip('needs the right to mount a small file system; test/failures.test.ts has a variant without');
  }
  onTestFinished(() => {
    execFileSync('umount', ['-l', directory]);
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

function closeOf(number: number): object {
  const item = { type: 'conversation', id: `9${number}`, padding: 'x'.repeat(9000) };
  return { id: `notif_${number}`, topic: 'conversation.admin.closed', data: { item } };
}

test('a disk that runs full while receiving: 503, then all goes on, and nothing answered 200 is lost', async (context) => {
  const directory = mountSmall(context);
  const ballast = join(directory, 'ballast');
  const { start, send, databasePath } = await prepareService({ directory, members: 5 });
  const service = await start();
  /** A good answer is remembered for a second. */
  const becomes = async (status: number): Promise<boolean> => {
    for (let tries = 0; tries < 2400; tries += 1) {
      if ((await fetch(`${service.url}/readyz`)).status === status) return true;
      await systemClock.sleep(50);
    }
    return false;
  };
  writeFileSync(ballast, Buffer.alloc(BALLAST_BYTES));

  const stored: string[] = [];
  let isFull = false;
  for (let number = 0; !isFull; number += 1) {
    const status = await send(closeOf(number));
    expect(status).toBeOneOf([200, 503]);
    if (status === 200) stored.push(`notif_${number}`);
    isFull = status === 503;
  }
  expect(stored.length).toBeGreaterThan(10);
  expect(await send(closeOf(100_000))).toBe(503);
  expect(await becomes(503)).toBe(true);
  expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
  expect(service.process.exitCode).toBeNull();

  rmSync(ballast);
  expect(await send(closeOf(100_000))).toBe(200);
  expect(await becomes(200)).toBe(true);
  stored.push('notif_100000');
  const settled = (): string[] => {
    const database = new Database(databasePath, { readonly: true });
    try {
      return database
        .prepare<[], string>("select dedupe_key from inbox where status in ('done', 'ignored')")
        .pluck()
        .all();
    } finally {
      database.close();
    }
  };
  // What was in hand when the disk was full is free again when its lease of a minute has run out.
  while (settled().length < stored.length) await systemClock.sleep(100);
  expect(settled()).toEqual(expect.arrayContaining(stored));
  service.process.kill('SIGTERM');
  expect(await service.ended).toBe(0);
});

test('a database on a file system that cannot be written: the start says so', async (context) => {
  const directory = mountSmall(context);
  const { start } = await prepareService({ directory, members: 5 });
  const first = await start();
  first.process.kill('SIGTERM');
  expect(await first.ended).toBe(0);
  execFileSync('mount', ['-o', MOUNT_OPTIONS.readOnly, directory]);
  await expect(start()).rejects.toThrow('the service did not become ready');
});
