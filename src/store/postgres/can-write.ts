import { AppError } from '../../errors.js';
import type { Log } from '../../log.js';
import type { MetaPart } from './core-parts.js';
import type { Database } from './database.js';
import type { WhyUnfit } from './settings-fit.js';

/** As long as most notifications are: it has to fit into new pages, as they have. */
const PROBE_BYTES = 8192;

export interface CanWriteDeps {
  readonly database: Database;
  readonly unguarded: Database;
  readonly meta: MetaPart;
  readonly whyUnfit: WhyUnfit;
  readonly log?: Pick<Log, 'warn'> | undefined;
}

/** True when a notification could be stored now and a value be written and read back, the disk taking part. */
export async function canWrite({ database, unguarded, meta, whyUnfit, log }: CanWriteDeps): Promise<boolean> {
  try {
    if ((await unguarded.read(whyUnfit)) !== null) return false;
    const probe = await database.unit(
      async (unit) => {
        await unit.run(
          // A number of its own, so that the next notification is numbered as if nobody had asked.
          `insert into inbox (id, origin, dedupe_key, received_at_ms, status, due_at_ms, attempts)
           values (-1, 'webhook', 'probe', 0, 'done', 0, 0)`,
        );
        const body = new Uint8Array(PROBE_BYTES);
        await unit.run('insert into payloads (inbox_id, body, size) values (-1, @body, 0)', { body });
        await unit.run('delete from inbox where id = -1');
        const { write_probe: last } = await meta.read(unit, ['write_probe']);
        const next = (last ?? 0) + 1;
        await meta.save(unit, { write_probe: next });
        return next;
      },
      { isDurable: true },
    );
    // Other processes count on.
    const { write_probe: known } = await database.read((query) => meta.read(query, ['write_probe']));
    return known !== null && known >= probe;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    log?.warn({ code: error.code, reason: error.message }, 'the database cannot be written');
    return false;
  }
}
