import type { Clock } from '../../clock.js';
import type { ReportStore } from '../ports/reports.js';
import type { Store } from '../ports/store.js';

/** A database engine as the suite sees it. */
export interface Engine {
  /** As people call it: it stands in the names of the tests. */
  readonly name: string;
  /**
   * The module (`import.meta.url`) that exports this engine as `engine`. Processes that a test starts load it, so it
   * imports nothing of the test runner.
   */
  readonly module: string;
  /**
   * Makes a place for an empty database. `isNew`: nobody has opened it yet; else its tables may be there already, because
   * a copy is quicker than making them for each test.
   */
  readonly createPlace: (request: { readonly isNew: boolean }) => Promise<Place>;
  /**
   * Opens the store at `place` as a process of the service does; the first one makes the tables. Two calls share nothing
   * but the database.
   */
  readonly open: (place: string, settings: Settings) => Promise<Store>;
  /** Opens the reports of a database that has been opened before. */
  readonly openReports: (place: string) => Promise<ReportStore>;
  readonly can: Capabilities;
}

export interface Place {
  /** What `open` needs to find it: a path, a connection string. */
  readonly place: string;
  /** Removes the database. */
  readonly remove: () => Promise<void>;
}

export interface Settings {
  /** Report time zone (IANA name). */
  readonly timeZone: string;
  /** Passes the time in the pauses of the store; where `ownTime` holds it is the engine's time, too. */
  readonly clock: Pick<Clock, 'nowMs' | 'sleep'>;
}

/** What engines may differ in. Everything else is asked of all of them. */
export interface Capabilities {
  /** A commit wakes the loops of other processes, not only those of its own. */
  readonly wakesAcross: boolean;
  /** Leases end, and work falls due, by the clock of the engine, whatever the clock of the caller says. */
  readonly ownTime: boolean;
}
