import type Database from 'better-sqlite3';
import { AppError } from '../../errors.js';
import { whyNotTheSame, type OwnSettings } from '../ports/service-settings.js';
import { ageOfFile } from './connection.js';
import type { Meta } from './meta.js';

/** For commands: only a start of the service brings a database in step with other settings. */
export function settingsRefused(why: string): AppError {
  return new AppError(
    'config_invalid',
    'never',
    `${why}: set it to that (the service's own environment file has it), or start the service once with the new one`,
  );
}

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
    seen =
      ageOfFile(sqlite) > 0
        ? 'the database has been taken over by a newer version of this program'
        : whyNotTheSame(own, {
            timeZone: meta.read('report_time_zone'),
            settings: meta.read('service_settings'),
          });
    return seen;
  };
}
