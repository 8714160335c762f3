import type { Blame } from '../errors.js';
import type { CalledPath } from './circuit.js';

interface RecentCall extends CalledPath {
  readonly isAnswered: boolean;
  readonly atMs: number;
  readonly number: number;
}

interface Failing {
  /** The number of its first failure. */
  readonly since: number;
  /** Others have been answered since: that stays so, however long ago it was. */
  readonly isOwn: boolean;
}

/** What became of the latest calls, to tell an object that alone fails from an outage. */
export interface RecentCalls {
  note(call: CalledPath, isAnswered: boolean, atMs: number): void;
  /** Whose fault a failure of this call is; null where it is the object's own. Asked before it is noted. */
  blame(call: CalledPath, atMs: number): Blame | null;
}

/** Of each address. */
const REMEMBERED = 20;
/** How many objects that have failed are remembered. */
const MAX_FAILING = 1000;
/** With a tenth of the others failing too, it is not this object's fault. */
const OUTAGE_SHARE = 0.1;
/** A first failure is judged by what happened just before it. */
const JUST_BEFORE_MS = 30_000;

export function createRecentCalls(): RecentCalls {
  const byLabel = new Map<string, RecentCall[]>();
  /** Objects that have failed and not been answered since. */
  const failing = new Map<string, Failing>();
  let latestAnswered = 0;
  let number = 0;

  return {
    note: (call, isAnswered, atMs) => {
      number += 1;
      const calls = byLabel.get(call.label) ?? [];
      calls.push({ ...call, isAnswered, atMs, number });
      if (calls.length > REMEMBERED) calls.shift();
      byLabel.set(call.label, calls);
      const key = keyOf(call);
      const known = failing.get(key);
      // Written anew, so that the one that failed longest ago is the first to be forgotten.
      failing.delete(key);
      if (isAnswered) latestAnswered = number;
      else failing.set(key, known ?? { since: number, isOwn: false });
      for (const oldest of failing.keys()) {
        if (failing.size <= MAX_FAILING) break;
        failing.delete(oldest);
      }
    },
    blame: (call, atMs) => {
      const key = keyOf(call);
      const known = failing.get(key);
      const others = (byLabel.get(call.label) ?? []).filter(
        (other) =>
          other.path !== call.path &&
          (known === undefined ? Math.abs(atMs - other.atMs) <= JUST_BEFORE_MS : other.number > known.since),
      );
      const failed = others.filter((other) => !other.isAnswered).length;
      if (failed > 0 && failed / others.length >= OUTAGE_SHARE) return 'outage';
      if (known === undefined) return 'unclear';
      if (others.length > 0) failing.set(key, { ...known, isOwn: true });
      if (others.length > 0 || known.isOwn) return null;
      return latestAnswered > known.since ? 'unclear' : 'outage';
    },
  };
}

function keyOf({ label, path }: CalledPath): string {
  return `${label} ${path}`;
}
