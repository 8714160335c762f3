import { AppError } from '../../errors.js';
import type { DatabaseFacts } from '../ports/database-facts.js';
import type { ServerFacts } from '../ports/server-facts.js';
import { createDatabase, type Query } from './database.js';
import { readMeta } from './meta.js';
import { OLDEST_SERVER } from './migrations.js';
import { createPool } from './pool.js';
import { readSchemaAge } from './read-only.js';

/** Looks at the database at `url` beside a service that may be using it, and changes nothing. */
export async function inspectPostgres(url: string): Promise<DatabaseFacts> {
  const pool = createPool({ url, applicationName: 'intercom-engagement doctor', maxConnections: 1 });
  const database = createDatabase(pool);
  try {
    return await database.view(readFacts);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { kind: 'unusable', why: whyUnusable(error) };
  } finally {
    await database.close();
  }
}

async function readFacts(query: Query): Promise<DatabaseFacts> {
  const server = await readServer(query);
  const age = await readSchemaAge(query);
  if (age === null) return { kind: 'missing', server };
  const meta = await readMeta(query, [
    'report_time_zone',
    'service_settings',
    'workspace',
    'other_workspaces',
  ]);
  const [last] = await query.rows<{ receivedAtMs: number }>(
    `select received_at_ms as "receivedAtMs" from inbox where origin = 'webhook' order by id desc limit 1`,
  );
  return {
    kind: 'found',
    server,
    usedBy: age === 0 ? 'same' : age < 0 ? 'older' : 'newer',
    timeZone: meta.report_time_zone,
    settings: meta.service_settings,
    workspaceId: meta.workspace?.id ?? null,
    lastWebhookAtMs: last?.receivedAtMs ?? null,
    otherWorkspaces: meta.other_workspaces,
  };
}

type AskedOfServer = Omit<ServerFacts, 'isKnownVersion'> & { readonly versionNumber: number };

async function readServer(query: Query): Promise<ServerFacts> {
  // Our transaction is read-only, whatever the server says: the default is what counts.
  const [row] = await query.rows<AskedOfServer>(
    `select current_setting('server_version_num')::int as "versionNumber",
       split_part(current_setting('server_version'), ' ', 1) as version,
       current_setting('server_encoding') as encoding,
       pg_is_in_recovery() as "isStandby",
       current_setting('default_transaction_read_only')::bool as "isReadOnly",
       current_setting('synchronous_commit') <> 'off' as "syncsCommits",
       current_setting('fsync')::bool as "syncsFiles",
       current_setting('full_page_writes')::bool as "keepsFullPages",
       (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         as "maxConnections",
       pg_database_size(current_database()) as "sizeBytes"`,
  );
  if (row === undefined) throw new TypeError('a server without facts');
  const { versionNumber, ...facts } = row;
  return { ...facts, isKnownVersion: versionNumber >= OLDEST_SERVER * 10_000 };
}

/** Without the words that the finding begins with. */
function whyUnusable({ message }: AppError): string {
  const [, code] = /\bnow \((.+)\)$/.exec(message) ?? [];
  return code === undefined
    ? message.replace(/^the database can't be used: /, '')
    : `it can't be reached, or has no room for us (${code})`;
}
