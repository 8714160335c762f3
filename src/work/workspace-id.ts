import type { Store } from '../store/ports/store.js';

/**
 * Answers the id of the workspace that the database is tied to, null as long as it is tied to none or can't be asked.
 * Once known it is remembered: a database never changes its workspace.
 */
export function rememberWorkspaceId(store: Pick<Store, 'readWorkspace'>): () => Promise<string | null> {
  let known: string | null = null;
  return async () => {
    known ??= await store.readWorkspace().then(
      (workspace) => workspace?.id ?? null,
      () => null,
    );
    return known;
  };
}
