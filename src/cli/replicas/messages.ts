import type { RunProgress } from '../../store/ports/runs.js';
import type { Written } from '../../write-back/attempt.js';

/** What a replica tells whoever has started it. */
export type ReplicaMessage =
  | { readonly kind: 'listening'; readonly url: string }
  | { readonly kind: 'progress'; readonly progress: RunProgress }
  | { readonly kind: 'written'; readonly written: Written }
  /** The first backfill is done, by whichever of them, and what it found is in Intercom. */
  | { readonly kind: 'filled' };
