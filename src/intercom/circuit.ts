/** A call as it counts for outages: where it goes, and about which object. */
export interface CalledPath {
  /** Method and path without ids. */
  readonly label: string;
  /** The object's path, so that one object can be told from many. */
  readonly path: string;
}

export interface Outage {
  /** `Intercom`, or the method and path that alone fail. */
  readonly what: string;
  /** When the first of the failed calls failed, milliseconds. */
  readonly sinceMs: number;
  /** Error code and sentence of the latest failure. */
  readonly reason: string;
}

interface Failure {
  readonly call: CalledPath;
  /** Counts calls and successes in their order. */
  readonly sent: number;
  readonly isProbe: boolean;
  readonly reason: string;
  readonly nowMs: number;
}

/** Closed while calls are answered; open when so many have failed in a row that one probe at a time has to do. */
export interface Circuit {
  readonly what: string;
  readonly isOpen: boolean;
  readonly wasSaid: boolean;
  isProbeDue(nowMs: number): boolean;
  /** The same, but true once only for each probe, and again where nothing came of it: work is fetched for it. */
  offerProbe(nowMs: number): boolean;
  msToProbe(nowMs: number): number;
  /** When it is worth trying again for a call that was not let through. */
  msToTry(nowMs: number): number;
  /** How long it might have been asked and was not. */
  idleSinceMs(nowMs: number): number;
  beginProbe(): void;
  endProbe(): void;
  noteSuccess(number: number): void;
  /** Other calls are answered again: its probe is due, and what was sent before counts no more. */
  askAgain(number: number, nowMs: number): void;
  noteFailure(failure: Failure): void;
  close(): void;
  /** Null while closed, and until a probe has failed: a few failures in a row may be chance. */
  outage(): Outage | null;
  isToBeSaid(nowMs: number, everyMs: number): boolean;
  noteSaid(nowMs: number): void;
}

/** So many failures in a row are no chance: with a third of all calls failing, that is one in 59,000 calls. */
const FAILURES = 10;
const FIRST_PROBE_MS = 1000;
/** The end of an outage is noticed within this, and the time that one probe may take. */
const MAX_PROBE_MS = 4000;

/** @param subjects how many different objects have to be among the failures. */
export function createCircuit({
  what,
  subjects,
  random = Math.random,
}: {
  readonly what: string;
  readonly subjects: number;
  readonly random?: () => number;
}): Circuit {
  let failures = 0;
  const failedPaths = new Set<string>();
  let sinceMs = 0;
  let reason = '';
  let isOpen = false;
  let isProbing = false;
  let probeAtMs = 0;
  let offeredAtMs = Number.NEGATIVE_INFINITY;
  let offeredFor: number | null = null;
  let failedProbes = 0;
  let saidAtMs: number | null = null;
  let succeededAt = 0;

  const reset = (): void => {
    failures = 0;
    failedPaths.clear();
    isOpen = false;
    failedProbes = 0;
    saidAtMs = null;
  };

  // A clock that went back does not put the probe off.
  const msToProbe = (nowMs: number): number => {
    const ms = probeAtMs - nowMs;
    return ms > MAX_PROBE_MS ? 0 : Math.max(0, ms);
  };

  const isProbeDue = (nowMs: number): boolean => !isProbing && msToProbe(nowMs) === 0;

  return {
    what,
    get isOpen() {
      return isOpen;
    },
    get wasSaid() {
      return saidAtMs !== null;
    },
    isProbeDue,
    offerProbe: (nowMs) => {
      const isTaken = offeredFor === probeAtMs && Math.abs(nowMs - offeredAtMs) < MAX_PROBE_MS;
      if (isTaken || !isProbeDue(nowMs)) return false;
      offeredAtMs = nowMs;
      offeredFor = probeAtMs;
      return true;
    },
    msToProbe,
    // Apart from each other: they are many.
    msToTry: (nowMs) => msToProbe(nowMs) + Math.round(FIRST_PROBE_MS * (1 + random())),
    idleSinceMs: (nowMs) => (isProbing ? 0 : Math.max(0, nowMs - probeAtMs)),
    beginProbe: () => {
      isProbing = true;
    },
    endProbe: () => {
      isProbing = false;
    },
    noteSuccess: (number) => {
      succeededAt = number;
      reset();
    },
    askAgain: (number, nowMs) => {
      succeededAt = number;
      probeAtMs = nowMs;
      offeredFor = null;
    },
    noteFailure: ({ call, sent, isProbe, reason: why, nowMs }) => {
      // A call that was sent before the latest success says nothing about the time after it.
      if (sent < succeededAt) return;
      if (failures === 0) sinceMs = nowMs;
      failures += 1;
      reason = why;
      if (failedPaths.size < subjects) failedPaths.add(call.path);
      if (isOpen ? !isProbe : failures < FAILURES || failedPaths.size < subjects) return;
      if (isOpen) failedProbes += 1;
      isOpen = true;
      const fullMs = Math.min(MAX_PROBE_MS, FIRST_PROBE_MS * 2 ** Math.min(failedProbes, 10));
      probeAtMs = nowMs + Math.round(fullMs * (0.5 + random() / 2));
    },
    close: reset,
    outage: () => (isOpen && failedProbes > 0 ? { what, sinceMs, reason } : null),
    isToBeSaid: (nowMs, everyMs) => saidAtMs === null || Math.abs(nowMs - saidAtMs) >= everyMs,
    noteSaid: (nowMs) => {
      saidAtMs = nowMs;
    },
  };
}
