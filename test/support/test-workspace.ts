import { onTestFinished } from 'vitest';
import type { WorkspaceOptions } from '../../src/sandbox/settings.js';
import { createWorkspace, type Workspace } from '../../src/sandbox/workspace.js';

/** A look-alike workspace that sends nothing any more once its test is over: what it repeats would reach a later one. */
export function createTestWorkspace(options?: WorkspaceOptions): Workspace {
  const workspace = createWorkspace(options);
  onTestFinished(() => workspace.webhooks.stop());
  return workspace;
}

/** The settings by which the service reaches this workspace and knows its webhooks. */
export function intercomSettings({ settings }: Workspace): Readonly<Record<string, string>> {
  return {
    INTERCOM_ACCESS_TOKEN: settings.token,
    INTERCOM_CLIENT_SECRET: settings.clientSecret,
    INTERCOM_VERSION: settings.appVersion,
  };
}
