/** What one check found, in words for whoever runs the service. */
export interface Finding {
  readonly check: string;
  readonly level: 'ok' | 'warn' | 'fail';
  readonly sentence: string;
  /** How to fix it; null where nothing is wrong. */
  readonly fix: string | null;
}

export function ok(check: string, sentence: string): Finding {
  return { check, level: 'ok', sentence, fix: null };
}

/** It works, but somebody should look at it. */
export function warn(check: string, sentence: string, fix: string): Finding {
  return { check, level: 'warn', sentence, fix };
}

/** The service does not do its work, or not all of it. */
export function fail(check: string, sentence: string, fix: string): Finding {
  return { check, level: 'fail', sentence, fix };
}
