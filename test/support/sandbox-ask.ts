import { createSandboxApp } from '../../src/sandbox/app.js';
import { createWorkspace, type Workspace } from '../../src/sandbox/workspace.js';
import type { WorkspaceOptions } from '../../src/sandbox/settings.js';
import { createMovedClock, type MovedClock } from './moved-clock.js';

interface SandboxAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed answer; null where it is no JSON. */
  readonly body: unknown;
  /** The value at a path of keys into the body; undefined where there is none. */
  at(...keys: (string | number)[]): unknown;
}

export type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<SandboxAnswer>;

/** A workspace whose clock stands still on 30 October 2026, noon in New York, and a way to ask its API. */
export function createSandbox(options: WorkspaceOptions = {}): {
  readonly workspace: Workspace;
  readonly clock: MovedClock;
  readonly ask: Ask;
} {
  const clock = createMovedClock('2026-10-30T12:00:00-04:00');
  const workspace = createWorkspace({ clock, ...options });
  const app = createSandboxApp(workspace);
  const ask: Ask = async (method, path, body, headers = {}) => {
    const response = await app.request(path, {
      method,
      headers: {
        Authorization: `Bearer ${workspace.settings.token}`,
        Accept: 'application/json',
        'Content-Type': 'application/json',
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed = parseOrNull(text);
    return {
      status: response.status,
      headers: response.headers,
      body: parsed,
      at: (...keys) => dig(parsed, keys),
    };
  };
  return { workspace, clock, ask };
}

/** The value at a path of keys; undefined where there is none. */
export function dig(value: unknown, keys: readonly (string | number)[]): unknown {
  let found = value;
  for (const key of keys) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = new Map<string, unknown>(Object.entries(found)).get(String(key));
  }
  return found;
}

/** Unix seconds of an instant such as `2026-10-30T12:00:00-04:00`. */
export function at(instant: string): number {
  return Date.parse(instant) / 1000;
}

function parseOrNull(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed;
  } catch {
    return null;
  }
}
