import { refuseOtherGeneration, settingsRefused } from '../derived-by.js';
import type { ReadOnlyReports } from '../ports/read-only.js';
import { whyNotTheSame } from '../ports/service-settings.js';
import type { Query } from './database.js';
import { readFreshness } from './look.js';
import { readMeta } from './meta.js';
import { openPostgresReports } from './postgres-report-store.js';
import { openReadOnly } from './read-only.js';

/**
 * Opens the database at `url` for reports alone: nothing is made, migrated or written, and a service that uses it is not
 * disturbed.
 * @throws AppError `store_unavailable` or `store_newer_than_program` for a database that this program can't read as it is,
 * `config_invalid` when its dates were worked out in another report time zone.
 */
export async function openPostgresReportsReadOnly(options: {
  readonly url: string;
  readonly timeZone: string;
}): Promise<ReadOnlyReports> {
  const { url, timeZone } = options;
  const database = await openReadOnly(url, 'intercom-engagement reports');
  try {
    await database.view((query) => assertFits(query, timeZone));
  } catch (error) {
    await database.close();
    throw error;
  }
  const reports = openPostgresReports({ url });
  return {
    reports,
    freshness: () => database.view(readFreshness),
    close: async () => {
      await reports.close();
      await database.close();
    },
  };
}

async function assertFits(query: Query, timeZone: string): Promise<void> {
  const left = await readMeta(query, ['derived_by', 'report_time_zone']);
  refuseOtherGeneration(left.derived_by);
  const why = whyNotTheSame({ timeZone }, { timeZone: left.report_time_zone, settings: null });
  if (why !== null) throw settingsRefused(why);
}
