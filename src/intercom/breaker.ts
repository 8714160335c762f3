import type { Clock } from '../clock.js';
import { AppError, type Blame } from '../errors.js';
import { createCircuit, type Circuit, type Outage, type CalledPath } from './circuit.js';
import { createRecentCalls } from './recent-calls.js';

/**
 * Knows whether Intercom answers. While it does not, no call goes out but one probe at a time; the first success lets
 * everything go again. One address that fails for everybody (`PUT /contacts/{id}`, say) is held back in the same way
 * for itself.
 */
export interface Breaker {
  /**
   * Called directly before a call is sent.
   * @throws AppError `intercom_waiting` when the call has to wait; nothing may be sent then.
   */
  enter(call: CalledPath): Pass;
  /** How many of `limit` pieces of work that make such calls (labels) may begin now. */
  room(limit: number, labels: readonly string[]): number;
  /** True when it is time to ask Intercom as a whole whether it answers again. */
  isProbeDue(): boolean;
  /** When that will be, milliseconds; null while Intercom answers. */
  nextProbeAtMs(): number | null;
  /** Null while Intercom answers. */
  readonly outage: () => Outage | null;
  /** Calls `listener` when calls may go again. Returns the function that stops it. */
  readonly onClear: (listener: () => void) => () => void;
}

/** One call that was let through. Exactly one of its methods is called, once. */
export interface Pass {
  /** It asks on behalf of all that wait, so it should not wait for long itself. */
  readonly isProbe: boolean;
  /** Intercom itself answered, whatever it said. */
  succeed(): void;
  /** No answer, or none of Intercom's own. Says whose fault that is, as far as other calls tell; null: the object's. */
  fail(reason: string): Blame | null;
  /** The call came to nothing for reasons of our own. */
  abandon(): void;
}

export type OutageEvent =
  | { readonly kind: 'began' | 'lasts'; readonly outage: Outage }
  | { readonly kind: 'ended'; readonly outage: Outage; readonly ms: number }
  /** Some of the calls fail; `failed` since the last event of this kind. */
  | { readonly kind: 'unsteady'; readonly failed: number; readonly reason: string };

export interface BreakerOptions {
  readonly clock: Clock;
  /** Told of what a person should know, at most once a minute for each kind. */
  readonly onEvent?: (event: OutageEvent) => void;
}

const WHOLE = 'Intercom';
/** Between two lines about the same trouble. */
const SAY_EVERY_MS = 60_000;
/** An address that nobody has asked for this long after it might be asked again is no longer reported. */
const FORGET_AFTER_MS = 60_000;

export function createBreaker({ clock, onEvent }: BreakerOptions): Breaker {
  const whole = createCircuit({ what: WHOLE, subjects: 1 });
  const addresses = new Map<string, Circuit>();
  const recent = createRecentCalls();
  const listeners = new Set<() => void>();
  let unsteady = { failed: 0, saidAtMs: Number.NEGATIVE_INFINITY };
  let number = 0;

  const addressOf = (label: string): Circuit => {
    const known = addresses.get(label);
    if (known !== undefined) return known;
    // One object that fails is no outage of its address.
    const circuit = createCircuit({ what: label, subjects: 2 });
    addresses.set(label, circuit);
    return circuit;
  };

  const close = (circuit: Circuit): boolean => {
    if (!circuit.isOpen) return false;
    const outage = circuit.outage();
    circuit.close();
    if (outage !== null) onEvent?.({ kind: 'ended', outage, ms: clock.nowMs() - outage.sinceMs });
    return true;
  };

  const succeed = (call: CalledPath): void => {
    number += 1;
    const wasWhole = close(whole);
    whole.noteSuccess(number);
    const address = addressOf(call.label);
    const wasOpen = close(address);
    address.noteSuccess(number);
    // What failed with everything else is worth asking at once; whether it is in order too, its first call shows.
    if (wasWhole)
      for (const other of addresses.values()) if (other !== address) other.askAgain(number, clock.nowMs());
    if (wasWhole || wasOpen) for (const listener of listeners) listener();
  };

  const say = (circuit: Circuit, nowMs: number): void => {
    const outage = circuit.outage();
    if (outage === null || !circuit.isToBeSaid(nowMs, SAY_EVERY_MS)) return;
    onEvent?.({ kind: circuit.wasSaid ? 'lasts' : 'began', outage });
    circuit.noteSaid(nowMs);
  };

  const sayUnsteady = (reason: string, nowMs: number): void => {
    unsteady.failed += 1;
    const sinceMs = nowMs - unsteady.saidAtMs;
    if (sinceMs >= 0 && sinceMs < SAY_EVERY_MS) return;
    onEvent?.({ kind: 'unsteady', failed: unsteady.failed, reason });
    unsteady = { failed: 0, saidAtMs: nowMs };
  };

  const forgetIdle = (): void => {
    const nowMs = clock.nowMs();
    for (const address of addresses.values()) {
      if (address.isOpen && !whole.isOpen && address.idleSinceMs(nowMs) > FORGET_AFTER_MS) close(address);
    }
  };

  return {
    enter: (call) => {
      const nowMs = clock.nowMs();
      const circuits = [whole, addressOf(call.label)];
      const open = circuits.filter((circuit) => circuit.isOpen);
      const shut = open.find((circuit) => !circuit.isProbeDue(nowMs));
      if (shut !== undefined) {
        throw new AppError(
          'intercom_waiting',
          'later',
          `${call.label}: not asked, ${shut.what} does not answer`,
          {
            blame: 'outage',
            // The end of an outage of the whole wakes everybody; an address has to be asked by those who need it.
            retryAfterMs: whole.isOpen ? 0 : shut.msToTry(nowMs),
          },
        );
      }
      for (const circuit of open) circuit.beginProbe();
      number += 1;
      const sent = number;
      let isSettled = false;
      const once = (): boolean => {
        const isFirst = !isSettled;
        isSettled = true;
        if (isFirst) for (const circuit of open) circuit.endProbe();
        return isFirst;
      };
      return {
        isProbe: open.length > 0,
        abandon: () => void once(),
        succeed: () => {
          if (!once()) return;
          recent.note(call, true, clock.nowMs());
          succeed(call);
        },
        fail: (reason) => {
          if (!once()) return 'outage';
          const failedAtMs = clock.nowMs();
          const blame = recent.blame(call, failedAtMs);
          recent.note(call, false, failedAtMs);
          for (const circuit of circuits) {
            circuit.noteFailure({ call, sent, isProbe: open.includes(circuit), reason, nowMs: failedAtMs });
          }
          const isOut = circuits.some((circuit) => circuit.isOpen);
          if (isOut) for (const circuit of circuits) say(circuit, failedAtMs);
          else if (blame === 'outage') sayUnsteady(reason, failedAtMs);
          return isOut ? 'outage' : blame;
        },
      };
    },

    room: (limit, labels) => {
      if (whole.isOpen) return 0;
      const open = labels.map(addressOf).filter((address) => address.isOpen);
      if (open.length === 0) return limit;
      return limit > 0 && open.some((address) => address.offerProbe(clock.nowMs())) ? 1 : 0;
    },

    isProbeDue: () => whole.isOpen && whole.isProbeDue(clock.nowMs()),
    nextProbeAtMs: () => (whole.isOpen ? clock.nowMs() + whole.msToProbe(clock.nowMs()) : null),
    outage: () => {
      forgetIdle();
      const outages = [whole, ...addresses.values()].map((circuit) => circuit.outage());
      return outages.find((outage) => outage !== null) ?? null;
    },
    onClear: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
