import { withOtherWorkspaces } from '../other-workspaces.js';
import type { OtherWorkspace } from '../ports/queries.js';
import type { Meta } from './meta.js';

/** Adds to what is known of other workspaces' notifications, inside the caller's transaction. */
export function noteOtherWorkspaces(
  { meta }: { readonly meta: Meta },
  seen: readonly OtherWorkspace[],
): void {
  meta.save('other_workspaces', withOtherWorkspaces(meta.read('other_workspaces'), seen));
}
