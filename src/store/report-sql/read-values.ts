import { canonical, CHANNELS, type Channel } from '../../rules/vocabulary.js';
import type { SqlValue } from './reading.js';

export const text = (value: SqlValue | undefined): string | null =>
  typeof value === 'string' ? value : null;
export const number = (value: SqlValue | undefined): number | null =>
  typeof value === 'number' ? value : null;
export const channelName = (value: SqlValue | undefined): Channel | null => canonical(CHANNELS, text(value));
