import { createHash } from 'node:crypto';
import { type ClientBase, Pool } from 'pg';
import { PgBoss, type Db, type JobWithMetadata } from 'pg-boss';
import { LeaseLost, type HeldEvent, type Queue, type Settlement } from '../queue.ts';
import { answersFor, reportError, transact, WORKING } from './inbox-table.ts';
import { startLeaseLoop } from './lease-loop.ts';

const QUEUE = 'inbox';
const PARKED = 'inbox-parked';
const THIRTY_DAYS = 30 * 24 * 3600;
/** The shortest that pg-boss allows. */
const HEARTBEAT_SECONDS = 10;

interface Data {
  readonly key: string;
  readonly lane: string;
  readonly body: string;
  /** Attempts that failed before it was sent again. */
  readonly failed: number;
}

interface ParkedData extends Data {
  readonly reason: string;
}

/**
 * pg-boss 12 with one queue of the policy `singleton` (at most one active job for each `singletonKey`, here the lane) or
 * `key_strict_fifo` (and in order).
 * The job's id is made from the dedupe key, so its primary key refuses a duplicate for as long as the job is kept.
 * `fetch` leases with `fetch()` and settles with `complete(…, { db })` in our transaction; `work` uses
 * `work({ transactional: true })`.
 */
export function createPgBoss(
  url: string,
  way: 'fetch' | 'work',
  policy: 'singleton' | 'key_strict_fifo' = 'singleton',
): Queue {
  const pool = new Pool({ connectionString: url, max: 24, options: WORKING });
  const boss = new PgBoss({
    connectionString: url,
    max: 24,
    schedule: false,
    useListenNotify: true,
    // A dead worker is found by the supervisor: both intervals have to be short to be within 15 s.
    superviseIntervalSeconds: 2,
    monitorIntervalSeconds: 2,
    queueCacheIntervalSeconds: 2,
  });
  boss.on('error', reportError);
  pool.on('error', reportError);
  let starting: Promise<unknown> | null = null;
  const start = (): Promise<unknown> => (starting ??= boss.start());
  const held = new Map<string, JobWithMetadata<Data>>();

  const hold = (job: JobWithMetadata<Data>): HeldEvent => {
    held.set(job.id, job);
    const inOneTransaction = async (change: (db: Db) => Promise<void>): Promise<Settlement> => {
      const settlement = await transact(pool, (_run, client) => change(asDatabase(client)));
      held.delete(job.id);
      return settlement;
    };
    /**
     * Completes it and sends it again. fail() would count every attempt, also one that only waited, and would hold back
     * the lane under `key_strict_fifo`; its backoff would delay a takeover as well.
     */
    const again = (reason: string, ms: number, failed: number) => async (db: Db) => {
      assertHeld(await boss.complete(QUEUE, job, { reason }, { db }));
      await boss.send(
        QUEUE,
        { ...job.data, failed },
        {
          singletonKey: job.data.lane,
          priority: job.priority,
          startAfter: new Date(Date.now() + ms),
          db,
        },
      );
    };
    const attempt = job.data.failed + job.retryCount + 1;
    return {
      key: job.data.key,
      lane: job.data.lane,
      share: job.priority > 0 ? 'webhooks' : 'own',
      body: Buffer.from(job.data.body, 'base64'),
      attempt,
      settle: async (work) => {
        const settlement = await transact(pool, async (run, client) => {
          assertHeld(await boss.complete(QUEUE, job, null, { db: asDatabase(client) }));
          await work(run);
        });
        held.delete(job.id);
        return settlement;
      },
      retry: (reason) => inOneTransaction(again(reason, 500 * 2 ** Math.min(attempt, 12), attempt)),
      wait: (reason, ms) => inOneTransaction(again(reason, ms, attempt - 1)),
      park: (reason) =>
        inOneTransaction(async (db) => {
          assertHeld(await boss.complete(QUEUE, job, { reason }, { db }));
          await boss.send(PARKED, { ...job.data, reason }, { id: job.id, db });
        }),
    };
  };

  return {
    install: async () => {
      await start();
      await boss.createQueue(PARKED, { deleteAfterSeconds: 0, retentionSeconds: 365 * 24 * 3600 });
      await boss.createQueue(QUEUE, {
        policy,
        notify: true,
        heartbeatSeconds: HEARTBEAT_SECONDS,
        retryLimit: 1_000_000,
        retryDelay: 0,
        deleteAfterSeconds: THIRTY_DAYS,
        retentionSeconds: 365 * 24 * 3600,
      });
    },

    storeAll: async (events) => {
      await start();
      const ids = await boss.insert(
        QUEUE,
        events.map((event) => ({
          id: idOf(event.key),
          data: { key: event.key, lane: event.lane, body: event.body.toString('base64'), failed: 0 },
          singletonKey: event.lane,
          priority: event.share === 'webhooks' ? 1 : 0,
          ...(event.dueInMs === undefined ? {} : { startAfter: new Date(Date.now() + event.dueInMs) }),
        })),
        { returnId: true },
      );
      const stored = new Set(ids);
      return answersFor(events, new Set(events.flatMap(({ key }) => (stored.has(idOf(key)) ? [key] : []))));
    },

    work: async ({ concurrency, handle }) => {
      await start();
      if (way === 'work') return workTransactional(boss, concurrency, handle);
      const loop = startLeaseLoop({
        concurrency,
        pollMs: 500,
        lease: async (limit) => {
          const options = { batchSize: limit, includeMetadata: true } as const;
          const jobs = await boss.fetch<Data>(QUEUE, options);
          return jobs.map((job) => hold(job));
        },
        handle,
      });
      const touching = setInterval(() => {
        if (held.size > 0) boss.touch(QUEUE, [...held.values()]).catch(reportError);
      }, 3000);
      return async () => {
        clearInterval(touching);
        await loop.stop();
      };
    },

    countOpen: async () => {
      const { rows } = await pool.query<{ n: number }>(
        `select count(*)::int as n from pgboss.job where name in ($1, $2) and state < 'completed'`,
        [QUEUE, PARKED],
      );
      return rows[0]?.n ?? 0;
    },
    listParked: async () => {
      await start();
      const jobs = await boss.findJobs<ParkedData>(PARKED, { queued: true, limit: 500 });
      return jobs.map(({ data }) => ({ key: data.key, reason: data.reason }));
    },
    replay: async (key) => {
      await start();
      await transact(pool, async (_run, client) => {
        const db = asDatabase(client);
        const [job] = await boss.findJobs<ParkedData>(PARKED, { id: idOf(key), db });
        if (job === undefined) return;
        const { reason: _reason, ...data } = job.data;
        await boss.deleteJob(PARKED, job.id, { db });
        // Under an id of its own: the first one stays taken by the job that was parked.
        await boss.send(QUEUE, data, { singletonKey: data.lane, priority: 1, db });
      });
    },

    // update() changes only what waits. Deleting frees the id, so the id is taken again by a job without a payload.
    erase: async (key) => {
      await start();
      await transact(pool, async (_run, client) => {
        const db = asDatabase(client);
        const id = idOf(key);
        await boss.deleteJob(QUEUE, id, { db });
        await boss.send(QUEUE, null, { id, singletonKey: id, db });
        await boss.complete(QUEUE, id, null, { includeQueued: true, db });
      });
    },

    fillSettled: async (count) => {
      await pool.query(
        `insert into pgboss.job (id, name, data, priority, state, singleton_key, created_on, started_on, completed_on,
                                 keep_until, policy, expire_seconds, deletion_seconds, retry_limit, retry_delay, retry_backoff)
         select md5(n::text)::uuid, $2, jsonb_build_object('key', n, 'lane', n, 'body', repeat(md5(n::text), 167)), 1,
                'completed', 'lane:' || n % 2000, now() - n * interval '1 ms', now(), now(), now() + interval '30 days',
                $4, 900, $3, 1000, 0, false
         from generate_series(1, $1::int) n`,
        [count, QUEUE, THIRTY_DAYS, policy],
      );
      await pool.query('vacuum analyze');
    },

    age: async (days) => {
      await start();
      await pool.query(
        `update pgboss.job set completed_on = completed_on - $1 * interval '1 day' where name = $2 and completed_on is not null`,
        [days, QUEUE],
      );
      // Its maintenance is due once a day.
      await pool.query('update pgboss.queue set maintain_on = null');
      await boss.supervise();
    },

    close: async () => {
      if (starting !== null) await boss.stop({ graceful: false, timeout: 1000 });
      await pool.end();
    },
  };
}

async function workTransactional(
  boss: PgBoss,
  concurrency: number,
  handle: (event: HeldEvent) => Promise<void>,
): Promise<() => Promise<void>> {
  const options = {
    transactional: true,
    includeMetadata: true,
    localConcurrency: concurrency,
    pollingIntervalSeconds: 0.5,
    notifyPollingIntervalSeconds: 0.5,
    burstWhenReadyExceeds: 1,
  } as const;
  await boss.work<Data, void, typeof options>(QUEUE, options, async (jobs, tx) => {
    for (const job of jobs)
      await handle({
        key: job.data.key,
        lane: job.data.lane,
        share: job.priority > 0 ? 'webhooks' : 'own',
        body: Buffer.from(job.data.body, 'base64'),
        attempt: job.retryCount + 1,
        settle: async (work) => {
          await work((text, values) => tx.executeSql(text, [...(values ?? [])]));
          return 'settled';
        },
        retry: (reason) => Promise.reject(new Error(reason)),
        park: (reason) => Promise.reject(new Error(reason)),
        wait: (reason) => Promise.reject(new Error(reason)),
      });
  });
  return () => boss.offWork(QUEUE);
}

function assertHeld(answer: object): void {
  if (!('affected' in answer) || answer.affected !== 1) throw new LeaseLost();
}

function asDatabase(client: ClientBase): Db {
  return { executeSql: (text, values) => client.query(text, values) };
}

function idOf(key: string): string {
  const hex = createHash('sha256').update(key).digest('hex').slice(0, 32);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
