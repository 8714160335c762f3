import type { Log } from '../../log.js';
import { unfit, whyTakenOver } from '../derived-by.js';
import { META_READERS } from '../meta-values.js';
import type { OwnSettings } from '../ports/service-settings.js';
import type { Database, Query } from './database.js';
import { ageOfSchema, NOTED, SHARE_TABLES } from './migrations.js';

/** Why this process must not use the database any more; null while all is well. */
export type WhyUnfit = (query: Query) => Promise<string | null>;

/**
 * Another process may have changed over the database to other settings, or a newer program may have changed its tables,
 * since this one opened it. Said in the log once, however often it is met.
 */
export function watchSettings(own: OwnSettings, log?: Pick<Log, 'error'>): WhyUnfit {
  let said: string | null = null;
  return async (query) => {
    const [left] = await query.rows<{
      timeZone: string | null;
      settings: string | null;
      newestMs: number | null;
    }>(
      `select (select value from meta where name = 'report_time_zone') as "timeZone",
              (select value from meta where name = 'service_settings') as settings,
              (select max(created_at) from ${NOTED}) as "newestMs"`,
    );
    const why = whyTakenOver(ageOfSchema(left?.newestMs ?? null), own, {
      timeZone: META_READERS.report_time_zone(parse(left?.timeZone)),
      settings: META_READERS.service_settings(parse(left?.settings)),
    });
    if (why !== null && why !== said) {
      log?.error({ reason: why }, 'this process must not use the database any more: restart it');
    }
    said = why;
    return why;
  };
}

function parse(text: string | null | undefined): unknown {
  return typeof text === 'string' ? JSON.parse(text) : null;
}

/**
 * Work that finds the database as it was opened, or is refused: whoever changes it over waits for units that have begun,
 * and others wait for that. Not for what comes in: that is kept whoever works it off.
 */
export function guardUnits(database: Database, whyUnfit: WhyUnfit): Database {
  const guarded =
    <Asked extends Query, Result>(work: (query: Asked) => Promise<Result>) =>
    async (query: Asked): Promise<Result> => {
      const why = await whyUnfit(query);
      if (why !== null) throw unfit(why);
      return work(query);
    };
  return {
    ...database,
    read: (work) => database.read(guarded(work)),
    view: (work) => database.view(guarded(work)),
    unit: (work, options) => database.unit(guarded(work), { first: SHARE_TABLES, ...options }),
  };
}
