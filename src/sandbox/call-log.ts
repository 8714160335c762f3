/** One request as it reached the workspace. */
interface Call {
  readonly method: string;
  /** With its query string. */
  readonly path: string;
  /** What was answered, or would have been had the answer not been lost. */
  readonly status: number;
  readonly atMs: number;
  readonly version: string | null;
  /** The JSON that was sent; null without one. */
  readonly body: unknown;
  /** The fault that was planned for this call, if any. */
  readonly fault: string | null;
}

/** Which calls a question or a fault is about; what is left out matches everything. */
export interface CallMatch {
  readonly method?: string;
  /** The whole path without its query string, or a pattern. */
  readonly path?: string | RegExp;
  /** What the JSON that was sent has to be. */
  readonly body?: (body: unknown) => boolean;
}

export interface CallLog {
  /** Newest last, at most the latest `logLength` ones. */
  readonly entries: readonly Call[];
  /** Ever, whether still listed or not. */
  readonly total: number;
  /** Updates of contacts that took effect, ever. */
  readonly writes: number;
  matching(match: CallMatch): readonly Call[];
  record(call: Call): void;
  clear(): void;
}

export function createCallLog(logLength: number): CallLog {
  let entries: Call[] = [];
  let total = 0;
  let writes = 0;
  return {
    get entries() {
      return entries;
    },
    get total() {
      return total;
    },
    get writes() {
      return writes;
    },
    matching: (match) => entries.filter((call) => isMatch(match, call)),
    record: (call) => {
      total += 1;
      if (call.method === 'PUT' && call.status === 200) writes += 1;
      entries.push(call);
      // Dropping a half at once keeps recording cheap.
      if (entries.length > logLength * 2) entries = entries.slice(-logLength);
    },
    clear: () => {
      entries = [];
      total = 0;
      writes = 0;
    },
  };
}

export function isMatch(
  match: CallMatch,
  call: { readonly method: string; readonly path: string; readonly body?: unknown },
): boolean {
  if (match.body?.(call.body) === false) return false;
  if (match.method !== undefined && match.method !== call.method) return false;
  if (match.path === undefined) return true;
  const [path = ''] = call.path.split('?');
  return typeof match.path === 'string' ? match.path === path : match.path.test(path);
}
