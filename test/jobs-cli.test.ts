import { join } from 'node:path';
import { setupServer } from 'msw/node';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { populate } from '../src/sandbox/population.js';
import type { Workspace } from '../src/sandbox/workspace.js';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.js';
import { runCommand, temporaryDirectory, type Outcome } from './support/command-line.js';
import { handlersFor } from './support/sandbox-msw.js';
import { createTestWorkspace, intercomSettings } from './support/test-workspace.js';

interface Place {
  readonly workspace: Workspace;
  readonly databasePath: string;
  readonly run: (...words: string[]) => Promise<Outcome>;
}

function arrange(): Place {
  const workspace = createTestWorkspace();
  populate(workspace, { members: 25, seed: 21 });
  const server = setupServer(...handlersFor(workspace));
  server.listen({ onUnhandledRequest: 'error' });
  onTestFinished(() => server.close());
  const databasePath = join(temporaryDirectory(), 'engagement.db');
  const settings = {
    ...intercomSettings(workspace),
    DATABASE_PATH: databasePath,
    LOG_LEVEL: 'warn',
  };
  return { workspace, databasePath, run: (...words) => runCommand(words, settings) };
}

const answer = z.looseObject({ status: z.string(), changed: z.number() });

test('backfill, reconcile and a dry run print what they found as JSON, and need no running service', async () => {
  const { workspace, run } = arrange();
  const filled = await run('backfill', '--days', '365');
  expect(filled).toMatchObject({ status: 0, stderr: '' });
  expect(answer.parse(JSON.parse(filled.stdout))).toMatchObject({ job: 'backfill', status: 'done' });
  await run('reconcile');

  workspace.webhooks.stop();
  const open = workspace.conversations().find(({ state }) => state !== 'closed');
  workspace.closeConversation(open?.id ?? '', { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  workspace.calls.clear();
  const dry = await run('reconcile', '--dry-run', '--lookback-days', '30');
  expect(dry).toMatchObject({ status: 0, stderr: '' });
  expect(answer.parse(JSON.parse(dry.stdout))).toMatchObject({ dryRun: true, changed: 1 });
  expect(workspace.calls.matching({ method: 'PUT' })).toEqual([]);
  const fixed = await run('reconcile');
  expect(answer.parse(JSON.parse(fixed.stdout))).toMatchObject({ dryRun: false, changed: 1, failed: 0 });
  expect(workspace.calls.matching({ method: 'PUT' })).toHaveLength(1);
});

test('backfill again lets the cache reach further back', async () => {
  const { run, databasePath } = arrange();
  const reach = async (): Promise<number> => {
    const store = openSqliteStore({ path: databasePath, timeZone: 'America/New_York' });
    const { coverageFromAt } = await store.freshness();
    await store.close();
    return coverageFromAt ?? 0;
  };
  expect((await run('backfill', '--days', '100')).status).toBe(0);
  const before = await reach();
  const again = await run('backfill', '--days', '365', '--force');
  expect(again).toMatchObject({ status: 0, stderr: '' });
  expect(before - (await reach())).toBeGreaterThan(264 * 86_400);
});

test('a guarded run, a refused token and another process at work are failures that say what to do', async () => {
  const { workspace, run, databasePath } = arrange();
  await run('backfill');
  await run('reconcile');
  for (const { id } of workspace.conversations()) workspace.setConversationAttributes(id, { Channel: null });
  const guarded = await run('reconcile');
  expect(guarded.status).toBe(1);
  expect(guarded.stderr).toMatch(/would have changed \d+ of the \d+ members .*--force/s);
  expect((await run('reconcile', '--force')).status).toBe(0);

  const store = openSqliteStore({ path: databasePath, timeZone: 'America/New_York' });
  const lease = { owner: 'elsewhere/1/0', nowMs: Date.parse('2100-01-01'), leaseMs: 60_000 };
  await store.openRun({ job: 'sweep', params: {}, ...lease });
  await store.close();
  const busy = await run('reconcile');
  expect(busy).toMatchObject({ status: 1, stdout: '' });
  expect(busy.stderr).toContain('Another process is at work: sweep');
});

test('parked work is listed and replayed', async () => {
  const { run, databasePath } = arrange();
  const store = openSqliteStore({ path: databasePath, timeZone: 'America/New_York' });
  await store.storeNotification({
    dedupeKey: 'one',
    topic: null,
    subject: null,
    lane: null,
    createdAt: null,
    receivedAtMs: 1,
    body: Buffer.from('{'),
    hashContent: null,
    unreadable: 'not JSON',
  });
  await store.close();
  const listed = await run('replay', '--list');
  const items = [expect.objectContaining({ id: '1', reason: 'not JSON' })];
  expect(JSON.parse(listed.stdout)).toEqual({ total: 1, items, nextCursor: null });
  const behind = await run('replay', '--list', '--limit', '1', '--cursor', '1.notification.1');
  expect(JSON.parse(behind.stdout)).toEqual({ total: 1, items: [], nextCursor: null });
  const nothing = await run('replay');
  expect(nothing.status).toBe(2);
  expect(nothing.stderr).toContain('--all');
  expect((await run('replay', '--notification', '1')).stdout).toContain('1 back in the flow');
  expect((await run('replay', '--all')).stdout).toContain('0 back in the flow');
});

test.each([
  [['backfill', '--days', '0'], 'whole number from 1 to 3650'],
  [['reconcile', '--lookback-days', '400'], 'whole number from 1 to 365'],
  [['reconcile', '--dryrun'], "unknown option '--dryrun'"],
  [['replay', '--notification', 'x'], 'number of a parked notification'],
  [['replay', '--list', '--limit', '501'], 'whole number from 1 to 500'],
  [['replay', '--list', '--cursor', 'x'], 'nextCursor of the list before'],
])('%j is wrong use: %s', async (words, reason) => {
  const { status, stderr } = await runCommand(words);
  expect(status).toBe(2);
  expect(stderr).toContain(reason);
});
