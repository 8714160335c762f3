import { onTestFinished } from 'vitest';
import type { WorkspaceOptions } from '../../src/sandbox/settings.js';
import { createWorkspace, type Workspace } from '../../src/sandbox/workspace.js';

/** A look-alike workspace that sends nothing any more once its test is over: what it repeats would reach a later one. */
export function createTestWorkspace(options?: WorkspaceOptions): Workspace {
  const workspace = createWorkspace(options);
  onTestFinished(() => workspace.webhooks.stop());
  return workspace;
}
