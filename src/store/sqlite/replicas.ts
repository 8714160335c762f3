import { lte, ne, and, sql } from 'drizzle-orm';
import { MAX_DEAD } from '../plan/taken-over.js';
import type { Alive, Beat } from '../ports/replicas.js';
import { prepareRows } from './prepare-rows.js';
import { prepareUpsert } from './prepare-upsert.js';
import type { Connection } from './connection.js';
import { replicas } from './schema.js';

/** The processes that are at work. Whose leases end is said by whoever calls. */
export interface Replicas {
  readonly beat: (beat: Beat) => void;
  /** Some of those that are dead, `owner` apart. */
  readonly findDead: (owner: string, nowMs: number) => string[];
  readonly owners: () => string[];
  readonly remove: (owner: string) => void;
  readonly countAlive: (nowMs: number) => Omit<Alive, 'takenOver'>;
}

export function createReplicas(connection: Connection): Replicas {
  const { db, sqlite } = connection;
  const one = prepareRows(
    connection,
    replicas,
    (columns, table) => `select ${columns} from ${table} where owner = ?`,
  );
  const put = prepareUpsert(connection, replicas, [replicas.owner]);
  const removeOne = sqlite.prepare<[string]>('delete from replicas where owner = ?');
  const count = sqlite.prepare<[number], Omit<Alive, 'takenOver'>>(
    `select count(*) filter (where role = 'service') as services, count(*) as processes
     from replicas where alive_until_ms > ?`,
  );
  return {
    beat: ({ owner, role, nowMs, aliveForMs }) => {
      const startedAtMs = one.get(owner)?.startedAtMs ?? nowMs;
      put({ owner, role, startedAtMs, lastBeatAtMs: nowMs, aliveUntilMs: nowMs + aliveForMs });
    },
    findDead: (owner, nowMs) =>
      db
        .select({ owner: replicas.owner })
        .from(replicas)
        .where(and(lte(replicas.aliveUntilMs, nowMs), ne(replicas.owner, owner)))
        .orderBy(sql`${replicas.aliveUntilMs}`)
        .limit(MAX_DEAD)
        .all()
        .map((row) => row.owner),
    owners: () =>
      db
        .select({ owner: replicas.owner })
        .from(replicas)
        .all()
        .map((row) => row.owner),
    remove: (owner) => {
      removeOne.run(owner);
    },
    countAlive: (nowMs) => count.get(nowMs) ?? { services: 0, processes: 0 },
  };
}
