import { Logger, makeWorkerUtils, run, type WorkerUtils } from 'graphile-worker';
import { Pool } from 'pg';
import { Unsupported, type HeldEvent, type Queue } from '../queue.ts';
import { reportError, transact } from './inbox-table.ts';

const TASK = 'inbox';

interface Payload {
  readonly key: string;
  readonly lane: string;
  readonly share: 'webhooks' | 'own';
  readonly body: string;
}

class ParkIt extends Error {}

/**
 * graphile-worker 0.18 with a queue for each lane (jobs of one queue run in series) and the dedupe key as `job_key` in
 * the mode `unsafe_dedupe`. Jobs are fetched one by one: its local queue would hold jobs that a dead worker has not begun.
 */
export function createGraphileWorker(url: string): Queue {
  const pool = new Pool({ connectionString: url, max: 24 });
  pool.on('error', reportError);
  const logger = new Logger(() => () => {});
  let utils: Promise<WorkerUtils> | null = null;
  const getUtils = (): Promise<WorkerUtils> => (utils ??= makeWorkerUtils({ pgPool: pool, logger }));

  return {
    install: async () => (await getUtils()).migrate(),

    storeAll: async (events) => {
      const { rows } = await pool.query<{ readonly revision: number }>({
        name: 'store',
        text: `select (graphile_worker.add_job('${TASK}', payload, queue_name := lane, job_key := key,
                 run_at := clock_timestamp() + due_in_ms * interval '1 ms', priority := priority,
                 job_key_mode := 'unsafe_dedupe')).revision
               from unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::json[])
                 as t (key, lane, priority, due_in_ms, payload)`,
        values: [
          events.map(({ key }) => key),
          events.map(({ lane }) => lane),
          events.map(({ share }) => (share === 'webhooks' ? 0 : 1)),
          events.map(({ dueInMs = 0 }) => dueInMs),
          events.map(({ key, lane, share, body }) =>
            JSON.stringify({ key, lane, share, body: body.toString('base64') } satisfies Payload),
          ),
        ],
      });
      return rows.map(({ revision }) => (revision === 0 ? 'stored' : 'duplicate'));
    },

    work: async ({ concurrency, handle }) => {
      const { permanentlyFailJobs } = await getUtils();
      const runner = await run({
        pgPool: pool,
        logger,
        noHandleSignals: true,
        concurrency,
        pollInterval: 2000,
        taskList: {
          [TASK]: async (payload, helpers) => {
            const { key, lane, share, body } = payload as Payload;
            const event: HeldEvent = {
              key,
              lane,
              share,
              body: Buffer.from(body, 'base64'),
              attempt: helpers.job.attempts,
              // The job itself is deleted by the library after the task has returned, in a transaction of its own.
              settle: (work) => transact(pool, (runSql) => work(runSql)),
              retry: (reason) => Promise.reject(new Error(reason)),
              park: (reason) => Promise.reject(new ParkIt(reason)),
              wait: () =>
                Promise.reject(
                  new Unsupported(
                    '"attempts" counts each time a job is locked; a task can only fail or succeed',
                  ),
                ),
            };
            await handle(event);
          },
        },
      });
      runner.events.on('job:complete', ({ job, error }) => {
        // A task can't say "not again": the job is failed first, and failed for good by its id afterwards.
        if (error instanceof ParkIt)
          setTimeout(() => {
            permanentlyFailJobs([job.id], error.message).catch(reportError);
          }, 100);
      });
      return () => runner.stop();
    },

    countOpen: async () => {
      const { rows } = await pool.query<{ n: number }>(
        'select count(*)::int as n from graphile_worker._private_jobs',
      );
      return rows[0]?.n ?? 0;
    },
    listParked: async () =>
      (
        await pool.query<{ key: string; reason: string }>(
          'select key, last_error as reason from graphile_worker.jobs where attempts >= max_attempts and locked_at is null',
        )
      ).rows,
    // rescheduleJobs() of the library reads attempts = 0 as "not given"; its SQL function does not.
    replay: async (key) => {
      await pool.query(
        `select graphile_worker.reschedule_jobs(array(select id from graphile_worker.jobs where key = $1),
           run_at := now(), attempts := 0)`,
        [key],
      );
    },
    // Nothing is left of a completed job.
    erase: () => Promise.resolve(),
    fillSettled: () => Promise.reject(new Unsupported('"Jobs that complete successfully are deleted"')),
    age: () => Promise.resolve(),
    close: async () => {
      if (utils !== null) await (await utils).release();
      await pool.end();
    },
  };
}
