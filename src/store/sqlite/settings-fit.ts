import type Database from 'better-sqlite3';
import { whyTakenOver } from '../derived-by.js';
import type { OwnSettings } from '../ports/service-settings.js';
import { ageOfFile } from './connection.js';
import type { Meta } from './meta.js';

/**
 * A check for each transaction: another process may have changed over the database to other settings, or a newer program
 * may have changed its tables, since this one opened it. It looks only after somebody else's commit.
 */
export function watchSettings(sqlite: Database.Database, meta: Meta, own: OwnSettings): () => string | null {
  const version = sqlite.prepare<[], number>('pragma data_version').pluck();
  let seenVersion: number | undefined;
  let seen: string | null = null;
  return () => {
    const current = version.get();
    if (current === seenVersion) return seen;
    seenVersion = current;
    const left = { timeZone: meta.read('report_time_zone'), settings: meta.read('service_settings') };
    seen = whyTakenOver(ageOfFile(sqlite), own, left);
    return seen;
  };
}
