/** What can be learned of a database server without changing it: what the service's promises rest on, and its room. */
export interface ServerFacts {
  /** As it calls itself, such as `15.14`. */
  readonly version: string;
  /** Whether this program is tested with it, or with older ones. */
  readonly isKnownVersion: boolean;
  /** Such as `UTF8`. */
  readonly encoding: string;
  /** It follows another server, and can only be read. */
  readonly isStandby: boolean;
  /** Whoever connects so can't write, by a setting of the server, the database or the user. */
  readonly isReadOnly: boolean;
  /** A commit that was answered is on disk. */
  readonly syncsCommits: boolean;
  /** What it writes is forced to disk at all. */
  readonly syncsFiles: boolean;
  /** A page that a crash leaves half written can be put right. */
  readonly keepsFullPages: boolean;
  readonly connections: number;
  /** Those that it takes from users like this one. */
  readonly maxConnections: number;
  /** Of this database, its indexes included. */
  readonly sizeBytes: number;
}
