/** Rows by key as an engine has found them; null where it has looked and there is none. */
export type Loaded<Row> = ReadonlyMap<string, Row | null>;

/** Loaded rows, and what a plan makes of them. */
export interface RowSet<Row> {
  /** @throws TypeError for a key that was not loaded: then the engine's slice is not closed. */
  readonly get: (key: string) => Row | undefined;
  readonly put: (key: string, row: Row) => void;
  readonly remove: (key: string) => void;
  readonly changes: () => RowChanges<Row>;
}

/** What has to be stored and deleted; a row that was put and removed again is in neither. */
export interface RowChanges<Row> {
  readonly put: readonly Row[];
  readonly removed: readonly string[];
}

export function createRowSet<Row>(name: string, loaded: Loaded<Row>): RowSet<Row> {
  const changed = new Map<string, Row | null>();
  return {
    get: (key) => {
      const now = changed.get(key);
      if (now !== undefined) return now ?? undefined;
      const before = loaded.get(key);
      if (before === undefined) throw new TypeError(`${name} ${key} was not loaded`);
      return before ?? undefined;
    },
    put: (key, row) => {
      changed.set(key, row);
    },
    remove: (key) => {
      changed.set(key, null);
    },
    changes: () => ({
      put: [...changed.values()].filter((row) => row !== null),
      removed: [...changed].flatMap(([key, row]) =>
        row === null && (loaded.get(key) ?? null) !== null ? [key] : [],
      ),
    }),
  };
}
