import { isMatch, type CallMatch } from './call-log.js';
import type { Random } from './random.js';

/** What can go wrong with a call. */
export type CallFault =
  /** Answered with `error.list`; a 429 says that the window is used up. Nothing takes effect. */
  /**
   * Answered as if the object were not there (404), or had been merged into `intoId` (410). Nothing takes effect; at other
   * addresses the object is what it was.
   */
  | { readonly kind: 'absence'; readonly status: 404 }
  | { readonly kind: 'absence'; readonly status: 410; readonly intoId: string }
  | { readonly kind: 'status'; readonly status: 400 | 429 | 500 | 503 }
  /** Answered with any status and JSON, such as a gateway's own. Nothing takes effect. */
  | { readonly kind: 'refused'; readonly status: number; readonly body: unknown }
  /** A gateway's HTML page in place of JSON: too large, not allowed, out of order. Nothing takes effect. */
  | { readonly kind: 'gateway'; readonly status: 400 | 403 | 404 | 413 | 422 | 431 | 502 | 503 | 504 }
  /** Any answer, also one that Intercom would never give; its headers go before the workspace's own. No effect. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      /** JSON. */
      readonly body?: unknown;
    }
  /** Takes effect, and the answer has these headers on top: what it says of the rate limit is wrong, say. */
  | { readonly kind: 'headers'; readonly headers: Readonly<Record<string, string>> }
  /** Takes effect, and is answered this much later: longer than any caller waits. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** The connection breaks before anything takes effect. */
  | { readonly kind: 'reset' }
  /** Takes effect, and the connection breaks before the answer arrives. */
  | { readonly kind: 'answer-lost' }
  /** Takes effect, and the answer's JSON arrives changed; undefined leaves it as it is. */
  | { readonly kind: 'altered'; readonly alter: (body: unknown, request: unknown) => unknown };

/** What can go wrong with a notification on its way to the receiver. */
type DeliveryFault =
  | { readonly kind: 'lost' }
  /** The same bytes arrive `times` times over. */
  | { readonly kind: 'repeated'; readonly times: number }
  /** It is overtaken by the next notification. */
  | { readonly kind: 'reordered' }
  | { readonly kind: 'delayed'; readonly delayMs: number };

interface DeliveryMatch {
  readonly topic?: string;
}

/** Accidents waiting to happen, in a fixed order or by chance. */
interface FaultPlan<Match, Subject, Fault> {
  /** The next calls that match get these faults, one each; null lets one pass. */
  next(match: Match, ...faults: (Fault | null)[]): void;
  /** Each matching call gets the fault with this probability (0–1), drawn from the workspace's seed. */
  sometimes(match: Match, probability: number, fault: Fault): void;
  /** Every matching call, until {@link clear}. */
  always(match: Match, fault: Fault): void;
  clear(): void;
  /** How many faults happened so far. */
  readonly happened: number;
  /** The fault for this call, if any; scripted ones go before those by chance. */
  draw(subject: Subject): Fault | null;
}

function createFaultPlan<Match, Subject, Fault>(
  random: Random,
  matches: (match: Match, subject: Subject) => boolean,
): FaultPlan<Match, Subject, Fault> {
  let scripts: { readonly match: Match; readonly faults: (Fault | null)[] }[] = [];
  let chances: { readonly match: Match; readonly probability: number; readonly fault: Fault }[] = [];
  let happened = 0;

  const choose = (subject: Subject): Fault | null => {
    const script = scripts.find(({ match, faults }) => faults.length > 0 && matches(match, subject));
    if (script !== undefined) return script.faults.shift() ?? null;
    for (const { match, probability, fault } of chances) {
      if (matches(match, subject) && random.chance(probability)) return fault;
    }
    return null;
  };

  return {
    next: (match, ...faults) => {
      scripts.push({ match, faults });
    },
    sometimes: (match, probability, fault) => {
      chances.push({ match, probability, fault });
    },
    always: (match, fault) => {
      chances.push({ match, probability: 1, fault });
    },
    clear: () => {
      scripts = [];
      chances = [];
    },
    get happened() {
      return happened;
    },
    draw: (subject) => {
      const fault = choose(subject);
      if (fault !== null) happened += 1;
      return fault;
    },
  };
}

export type CallFaults = FaultPlan<
  CallMatch,
  { readonly method: string; readonly path: string; readonly body?: unknown },
  CallFault
>;
export type DeliveryFaults = FaultPlan<DeliveryMatch, { readonly topic: string }, DeliveryFault>;

export function createCallFaults(random: Random): CallFaults {
  return createFaultPlan(random, isMatch);
}

export function createDeliveryFaults(random: Random): DeliveryFaults {
  return createFaultPlan(
    random,
    (match, subject) => match.topic === undefined || match.topic === subject.topic,
  );
}
