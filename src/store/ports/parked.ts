import type { Subject } from './subject.js';

/**
 * Objects that Intercom shows in a form that means nothing to the rules: each is parked alone, with the name of the field
 * that is wrong, and read again with growing delays. As long as one is parked, nothing that Intercom holds of its
 * contact is corrected downwards: the object may be what supports it. A snapshot that can be read releases it.
 */
export interface ParkedStore {
  /**
   * Parks it, or counts one more attempt. `new`: it was not parked before · `known`: this run has tried it already ·
   * `again`: else.
   */
  parkObject(object: ParkObject): Promise<'new' | 'again' | 'known'>;
  /** Null when it is not parked. */
  findParkedObject(subject: Subject, nowMs: number): Promise<ParkedObject | null>;
  /** Those that are to be read again, the longest due first. */
  listDueObjects(nowMs: number, limit: number): Promise<Subject[]>;
  /** A whole search has come to its end: entries without id that it has not shown any more are settled. */
  releaseNameless(kind: Subject['kind'], exceptRunId: string): Promise<void>;
  countParkedObjects(kind: Subject['kind']): Promise<number>;
  /** Puts parked notifications, writes and objects back into the flow. */
  replay(
    what:
      | {
          readonly notifications?: readonly number[];
          readonly writes?: readonly string[];
          /** They are read by id again. */
          readonly objects?: readonly Subject[];
        }
      | 'all',
    nowMs: number,
  ): Promise<number>;
}

export interface ParkObject extends Subject {
  /** What is missing or can't be read; never its value. */
  readonly field: string;
  readonly likelyOwnerId: string | null;
  readonly nowMs: number;
  readonly runId: string | null;
}

export interface ParkedObject extends Subject {
  readonly field: string;
  readonly likelyOwnerId: string | null;
  readonly runId: string | null;
  readonly isDue: boolean;
}
