/** The Intercom workspace that the database belongs to. */
export interface WorkspaceStore {
  /**
   * Ties the database to one Intercom workspace: stores `id` when none is stored. Returns the stored one, so that the
   * caller can refuse a token of another workspace.
   */
  bindWorkspace(workspace: BoundWorkspace): Promise<BoundWorkspace>;
  /** Null until a workspace has been bound. */
  readWorkspace(): Promise<BoundWorkspace | null>;
}

export interface BoundWorkspace {
  /** `GET /me` → `app.id_code`. */
  readonly id: string;
  /** `GET /me` → `app.timezone`, UTC where that names none; contact search matches dates by day in it. */
  readonly timeZone: string;
  /** Only there when `timeZone` is that substitute. */
  readonly lacksTimeZone?: true;
}
