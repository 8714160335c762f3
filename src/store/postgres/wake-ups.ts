import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import type { Clock } from '../../clock.js';
import type { Log } from '../../log.js';
import type { WorkKind } from '../ports/store.js';

/** Tells loops of other processes that there may be work. It only wakes: they look by themselves from time to time. */
export interface WakeUps {
  /** After a commit. Others hear of it at once, and of what follows with a small pause. */
  readonly tell: (kind: WorkKind) => void;
  /** Resolves when it listens for the first time, or could not. */
  readonly started: Promise<void>;
  readonly close: () => Promise<void>;
}

export interface WakeUpsOptions {
  readonly url: string;
  /** Called for what other processes tell; for every kind after a while in which nothing could be heard. */
  readonly onHeard: (kind: WorkKind) => void;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly log?: Pick<Log, 'warn'> | undefined;
}

const CHANNEL = 'intercom_engagement_work';
const KINDS = ['inbox', 'writes', 'transitions', 'erasure'] as const satisfies readonly WorkKind[];
/** Only one transaction that notifies can commit at a time: see docs/decisions/0028-the-inbox-on-postgres.md. */
const PAUSE_MS = 20;
const FIRST_RECONNECT_MS = 100;
const MAX_RECONNECT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5000;

/** On a connection of its own, because a pooled one is somebody else's in between; it is made again when it is lost. */
export function createWakeUps({ url, onHeard, clock, log }: WakeUpsOptions): WakeUps {
  // A notification comes back to whoever has sent it.
  const self = randomBytes(6).toString('hex');
  const closing = new AbortController();
  const { signal } = closing;
  const started = Promise.withResolvers<void>();
  const untold = new Set<WorkKind>();
  const aborted = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  let listening: Client | null = null;
  let isTelling = false;
  let hasMissed = false;

  const tellAll = async (): Promise<void> => {
    if (isTelling) return;
    isTelling = true;
    while (untold.size > 0) {
      const client = listening;
      // Where nothing is heard nothing can be told: when there is a new connection it is told there.
      if (client === null) break;
      const kinds = [...untold];
      untold.clear();
      try {
        await client.query('select pg_notify($1, $2)', [CHANNEL, `${self}:${kinds.join(',')}`]);
      } catch {
        for (const kind of kinds) untold.add(kind);
        break;
      }
      await clock.sleep(PAUSE_MS, signal);
    }
    isTelling = false;
  };

  const hear = (payload: string): void => {
    const [sender, kinds = ''] = payload.split(':');
    if (sender === self) return;
    const told = new Set(kinds.split(','));
    for (const kind of KINDS) if (told.has(kind)) onHeard(kind);
  };

  const listenOnce = async (): Promise<void> => {
    const client = new Client({
      connectionString: url,
      application_name: 'intercom-engagement wake-ups',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    });
    const lost = new Promise<void>((resolve) => {
      client.on('error', () => resolve());
      client.on('end', () => resolve());
    });
    client.on('notification', ({ payload = '' }) => hear(payload));
    try {
      await client.connect();
      // What only wakes needs no disk.
      await client.query(`set synchronous_commit = off; listen ${CHANNEL}`);
      listening = client;
      void tellAll();
      started.resolve();
      if (hasMissed) for (const kind of KINDS) onHeard(kind);
      hasMissed = false;
      await Promise.race([lost, aborted]);
    } finally {
      listening = null;
      hasMissed = true;
      // Where the server is gone there is nobody to wait for.
      const ended = client.end().catch(() => undefined);
      if (signal.aborted) await Promise.race([ended, lost]);
    }
  };

  const listen = async (): Promise<void> => {
    let pauseMs = FIRST_RECONNECT_MS;
    let isFirst = true;
    while (!signal.aborted) {
      const failure = await listenOnce().then(
        () => null,
        (error: unknown) => ({ error }),
      );
      started.resolve();
      if (signal.aborted) return;
      if (failure === null) pauseMs = FIRST_RECONNECT_MS;
      if (isFirst || failure === null) {
        log?.warn(
          { err: failure?.error },
          'other processes are not heard for a while; loops look for work by themselves',
        );
      }
      isFirst = false;
      await clock.sleep(pauseMs, signal);
      pauseMs = Math.min(MAX_RECONNECT_MS, pauseMs * 2);
    }
  };
  const ended = listen();

  return {
    started: started.promise,
    tell: (kind) => {
      untold.add(kind);
      void tellAll();
    },
    close: async () => {
      closing.abort();
      await ended;
    },
  };
}
