import { createHmac } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { Log } from '../log.js';
import { createBoundedLog } from './bounded-log.js';
import type { SignInStore } from '../store/ports/sign-ins.js';
import type { Metrics } from '../watch/metrics.js';

/** Slows whoever guesses tokens, and nobody else: tokens are compared first, and a right one is never counted. */
export interface WrongTokens {
  /**
   * Counts a wrong token of a client. Resolves to 0, or for one that has sent many, after a pause, to the seconds after
   * which it is forgotten.
   */
  count(client: WrongTokenClient, way: TokenWay): Promise<number>;
}

export type TokenWay = 'bearer' | 'sign_in';

export interface WrongTokenClient {
  /** For the log. */
  readonly address: string;
  /** What is counted as one. */
  readonly key: string;
}

export interface WrongTokensDeps {
  /** Counts for all processes together: behind a balancer each would give a guesser free tries of its own. */
  readonly store: Pick<SignInStore, 'countWrongToken'>;
  /** Of the hashes that stand for clients in the store. */
  readonly key: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'wrongTokens'>;
}

const WINDOW_MS = 5 * 60_000;
/** People mistype a few times. */
const FREE_FAILURES = 10;
const PAUSE_MS = 1000;
/** Answers that wait at once; more are given without a pause, so that guessing never fills the memory. */
const MAX_PAUSES = 500;
const MAX_CLIENTS = 10_000;
/** Counts that wait for the store at once; others are made here alone, so that guessing never holds it up. */
const MAX_COUNTING = 20;

interface Count {
  endsAtMs: number;
  failures: number;
  /** The log has said so. */
  isSlowed: boolean;
}

/**
 * Windows of five minutes for each client. They are counted in the store, and here as well: where the store cannot be
 * asked, or a client is known to have sent too many, the count of this process does.
 */
export function createWrongTokens({ store, key, clock, log, metrics }: WrongTokensDeps): WrongTokens {
  const warn = createBoundedLog(log, clock);
  const byClient = new Map<string, Count>();
  let pauses = 0;
  let counting = 0;

  const countOf = (client: string): Count => {
    const nowMs = clock.nowMs();
    const known = byClient.get(client);
    // One that ends later than any window was begun before the clock went back.
    if (known !== undefined && known.endsAtMs > nowMs && known.endsAtMs <= nowMs + WINDOW_MS) return known;
    byClient.delete(client);
    // The oldest one makes room: whoever has many addresses is not slowed by counting each of them anyway.
    const [oldest] = byClient.keys();
    if (byClient.size >= MAX_CLIENTS && oldest !== undefined) byClient.delete(oldest);
    const count = { endsAtMs: nowMs + WINDOW_MS, failures: 0, isSlowed: false };
    byClient.set(client, count);
    return count;
  };

  /** What all processes have counted of a client; nothing where the store can't say. */
  const countForAll = async (client: string, count: Count): Promise<void> => {
    if (count.failures > FREE_FAILURES || counting >= MAX_COUNTING) return;
    counting += 1;
    try {
      const hash = createHmac('sha256', key).update(`wrong tokens ${client}`).digest('base64url');
      const known = await store.countWrongToken({ client: hash, nowMs: clock.nowMs(), windowMs: WINDOW_MS });
      if (known.failures <= count.failures) return;
      count.failures = known.failures;
      count.endsAtMs = clock.nowMs() + Math.min(known.endsInMs, WINDOW_MS);
    } catch {
      // Its trouble is said elsewhere, and neither lets anybody in nor locks anybody out.
    } finally {
      counting -= 1;
    }
  };

  return {
    count: async ({ address, key: client }, way) => {
      metrics.wrongTokens.inc({ way });
      const count = countOf(client);
      count.failures += 1;
      const isFirst = count.failures === 1;
      await countForAll(client, count);
      if (isFirst) warn({ client: address, way }, 'a wrong token was refused');
      if (!count.isSlowed && count.failures > FREE_FAILURES) {
        count.isSlowed = true;
        warn(
          { client: address, way, failures: count.failures },
          'somebody guesses tokens and is slowed down',
        );
      }
      if (count.failures <= FREE_FAILURES) return 0;
      if (pauses < MAX_PAUSES) {
        pauses += 1;
        await clock.sleep(PAUSE_MS).finally(() => {
          pauses -= 1;
        });
      }
      return Math.max(1, Math.ceil((count.endsAtMs - clock.nowMs()) / 1000));
    },
  };
}
