import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openConnection } from '../src/store/sqlite/connection.js';
import { createLogSync } from '../src/store/sqlite/log-sync.js';
import { createRideAlong, type RideAlong } from '../src/store/sqlite/ride-along.js';
import { temporaryDirectory } from './support/command-line.js';

interface Ride {
  readonly riders: RideAlong;
  readonly add: (value: string) => Promise<number>;
  readonly kept: () => string[];
  readonly groups: () => number;
  readonly exec: (statement: string) => void;
  readonly passMs: (ms: number) => void;
}

function ride(runGroup: (group: () => void) => Promise<void> = async (group) => group()): Ride {
  const connection = openConnection(join(temporaryDirectory(), 'ride.db'), { mayMigrate: true });
  onTestFinished(() => connection.close());
  const { sqlite, transact } = connection;
  sqlite.exec('create table ridden (value text primary key)');
  const insert = sqlite.prepare<[string]>('insert into ridden values (?)');
  const all = sqlite.prepare<[], string>('select value from ridden order by rowid').pluck();
  let groups = 0;
  let nowMs = 0;
  const riders = createRideAlong({
    transact,
    isInTransaction: () => sqlite.inTransaction,
    runGroup,
    afterGroup: () => {
      groups += 1;
    },
    nowMs: () => nowMs,
  });
  return {
    riders,
    add: (value) => riders.add(() => insert.run(value).changes),
    kept: () => all.all(),
    groups: () => groups,
    exec: (statement) => sqlite.exec(statement),
    passMs: (ms) => {
      nowMs += ms;
    },
  };
}

test('what comes together is committed together, and each is answered for itself', async () => {
  const { add, kept, groups } = ride();
  expect(await Promise.all(['a', 'b', 'c'].map(add))).toEqual([1, 1, 1]);
  expect(kept()).toEqual(['a', 'b', 'c']);
  expect(groups()).toBe(1);
});

test('one that fails takes back its own part, and neither undoes nor fails the others', async () => {
  const { riders, add, kept, exec } = ride();
  const failing = riders.add(() => {
    exec("insert into ridden values ('half')");
    throw new RangeError('on its own');
  });
  const results = await Promise.allSettled([add('a'), failing, add('b'), add('a'), add('c')]);
  expect(results.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
  await expect(failing).rejects.toThrow('on its own');
  expect(kept()).toEqual(['a', 'b', 'c']);
});

test('where one makes the disk take the whole group back, the others are done again, each alone', async () => {
  const { riders, add, kept, exec } = ride();
  let times = 0;
  const breaking = riders.add(() => {
    times += 1;
    exec("insert into ridden values ('broken')");
    // As SQLite does by itself where the disk is full.
    exec('rollback');
    throw new Error('the disk is full');
  });
  const results = await Promise.allSettled([add('a'), add('b'), breaking, add('c')]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  await expect(breaking).rejects.toThrow('the disk is full');
  expect(times).toBe(2);
  expect(kept()).toEqual(['a', 'b', 'c']);
});

test('a commit that fails leaves nothing answered: each is tried alone', async () => {
  const { riders, add, kept, exec } = ride();
  exec('pragma foreign_keys = on');
  exec('create table child (value text references ridden (value) deferrable initially deferred)');
  const orphan = riders.add(() => exec("insert into child values ('nobody')"));
  const results = await Promise.allSettled([add('a'), orphan, add('b')]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(kept()).toEqual(['a', 'b']);
});

test('sockets get their turn between groups', async () => {
  const { riders, groups, passMs } = ride();
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns += 1;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(Array.from({ length: 200 }, () => riders.add(() => passMs(1))));
  isDone = true;
  expect(groups()).toBe(50);
  expect(turns).toBeGreaterThanOrEqual(groups());
});

test('while the file is locked all of them wait, and fail together when that takes too long', async () => {
  let isLocked = true;
  const { add, kept } = ride(async (group) => {
    if (isLocked) throw new Error('locked for too long');
    group();
  });
  const results = await Promise.allSettled([add('a'), add('b')]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  isLocked = false;
  expect(await add('c')).toBe(1);
  expect(kept()).toEqual(['c']);
});

test('a forced write answers what was committed before it began, and one that comes later waits for the next', async () => {
  const ends: (() => void)[] = [];
  const log = createLogSync(
    () => new Promise<void>((resolve) => ends.push(resolve)),
    () => undefined,
  );
  const order: string[] = [];
  const wait = async (name: string): Promise<void> => {
    log.noteCommit();
    await log.toDisk();
    order.push(name);
  };
  const waiting = [wait('first'), wait('second'), wait('third')];
  await Promise.resolve();
  expect(ends).toHaveLength(1);
  ends.shift()?.();
  await waiting[0];
  expect(order).toEqual(['first']);
  ends.shift()?.();
  await Promise.all(waiting);
  expect(order).toEqual(['first', 'second', 'third']);
  expect(log.count()).toBe(2);
  await log.toDisk();
  expect(log.count()).toBe(2);
});

test('after the disk has refused, what the log holds is moved into the file before anything is answered', async () => {
  let isRefusing = true;
  let rescues = 0;
  const log = createLogSync(
    async () => {
      if (isRefusing) throw new Error('input/output error');
    },
    () => {
      rescues += 1;
      if (isRefusing) throw new Error('still refusing');
    },
  );
  log.noteCommit();
  await expect(log.toDisk()).rejects.toThrow('input/output error');
  await expect(log.toDisk()).rejects.toThrow('still refusing');
  isRefusing = false;
  await log.toDisk();
  expect(rescues).toBe(2);
  log.noteCommit();
  await log.toDisk();
  expect(rescues).toBe(2);
});
