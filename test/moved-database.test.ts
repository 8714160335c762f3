import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from './support/command-line.js';
import { createHarness, type Harness } from './support/harness.js';

interface Place {
  readonly harness: Harness;
  readonly directory: string;
  readonly path: string;
  readonly readiness: () => Promise<{ readonly status: number; readonly store: unknown }>;
  readonly send: (id: string) => Promise<number>;
  readonly gauge: () => Promise<string | undefined>;
}

async function arrange(link = false): Promise<Place> {
  const directory = join(temporaryDirectory(), 'data');
  mkdirSync(directory);
  const file = join(directory, 'engagement.db');
  const path = link ? join(directory, 'current.db') : file;
  if (link) {
    const first = await createHarness({ database: file });
    await first.store.close();
    symlinkSync(file, path);
  }
  const harness = await createHarness({ database: path });
  await harness.backfill();
  const { app } = harness;
  return {
    harness,
    directory,
    path,
    readiness: async () => {
      const answer = await app.request('/readyz');
      const said: unknown = await answer.json();
      return { status: answer.status, store: Object(said).store };
    },
    send: async (id) => {
      const body = JSON.stringify({
        type: 'notification_event',
        id,
        topic: 'contact.user.updated',
        data: { item: { type: 'contact', id: '1' } },
      });
      return (await app.request('/webhooks/intercom', { method: 'POST', ...harness.signed(body) })).status;
    },
    gauge: async () => {
      const text = await (await harness.get('/metrics')).text();
      return /^engagement_store_fit (\d)$/m.exec(text)?.[1];
    },
  };
}

describe('a database file that is taken from a running service', () => {
  test.each<[string, RegExp, (place: Place) => void]>([
    ['moved', /the database file was moved or deleted/, ({ path }) => renameSync(path, `${path}.away`)],
    ['deleted', /the database file was moved or deleted/, ({ path }) => rmSync(path)],
    [
      'deleted with its log',
      /the database file was moved or deleted/,
      ({ path }) => ['', '-wal', '-shm'].forEach((ending) => rmSync(`${path}${ending}`)),
    ],
    [
      'replaced by a copy',
      /the database file was replaced/,
      ({ path }) => {
        copyFileSync(path, `${path}.copy`);
        renameSync(`${path}.copy`, path);
      },
    ],
    ['robbed of its log', /write-ahead log .* moved or deleted/, ({ path }) => rmSync(`${path}-wal`)],
    ['robbed of its shared memory', /shared memory .* moved or deleted/, ({ path }) => rmSync(`${path}-shm`)],
    [
      'moved with its directory',
      /the database file was moved or deleted/,
      ({ directory }) => renameSync(directory, `${directory}-away`),
    ],
  ])('%s: not ready, and nothing is answered 200 that a restart would not find', async (_, reason, act) => {
    const place = await arrange();
    const { harness, readiness, send, gauge } = place;
    expect(await readiness()).toEqual({ status: 200, store: 'ok' });
    expect(await send('notif_1')).toBe(200);
    expect(await gauge()).toBe('1');
    act(place);
    expect(await send('notif_2')).toBe(503);
    expect(await readiness()).toEqual({ status: 503, store: expect.stringMatching(reason) });
    expect(await send('notif_3')).toBe(503);
    expect(await gauge()).toBe('0');
    expect((await harness.app.request('/healthz')).status).toBe(200);
    const said = harness.logLines.filter((line) => line.includes('must not use the database any more'));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/"level":"error"/);
    expect(said[0]).toMatch(reason);
  });

  test('named by a link that now leads elsewhere', async () => {
    const { path, directory, readiness, send } = await arrange(true);
    expect(await readiness()).toMatchObject({ status: 200 });
    const other = join(directory, 'other.db');
    copyFileSync(join(directory, 'engagement.db'), other);
    unlinkSync(path);
    symlinkSync(other, path);
    expect(await send('notif_1')).toBe(503);
    expect(await readiness()).toMatchObject({ status: 503 });
  });

  test('and put back is used again', async () => {
    const { path, readiness, send } = await arrange();
    renameSync(path, `${path}.away`);
    expect(await send('notif_1')).toBe(503);
    renameSync(`${path}.away`, path);
    expect(await send('notif_1')).toBe(200);
    expect(await readiness()).toEqual({ status: 200, store: 'ok' });
  });

  test('is not missed where it only got another name beside its own', async () => {
    const { path, readiness, send } = await arrange();
    linkSync(path, `${path}.second-name`);
    expect(existsSync(path)).toBe(true);
    expect(await send('notif_1')).toBe(200);
    expect(await readiness()).toMatchObject({ status: 200 });
  });
});
