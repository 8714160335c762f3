import type { DatabaseFacts } from '../../store/ports/database-facts.js';
import type { ServerFacts } from '../../store/ports/server-facts.js';
import { fail, ok, warn, type Finding } from './finding.js';

const CHECK = 'database';
const GIGABYTE = 1_000_000_000;
/**
 * The database of a server, as far as it can be told from here; its disk can't.
 * @param ownConnections how many one process of the service opens at most
 */
export function checkServer(database: DatabaseFacts, ownConnections: number): readonly Finding[] {
  if (database.kind === 'unusable') {
    return [
      fail(
        CHECK,
        `the database can't be used: ${database.why}`,
        'Check DATABASE_URL, and that the server runs and lets this machine in (pg_hba.conf, firewall)',
      ),
    ];
  }
  const { server } = database;
  if (server === undefined) return [];
  return [
    ...checkAge(database),
    ...checkFit(server),
    ...checkDurability(server),
    checkConnections(server, ownConnections),
  ];
}

function checkAge(database: Exclude<DatabaseFacts, { readonly kind: 'unusable' }>): readonly Finding[] {
  if (database.kind === 'found' && database.usedBy === 'newer') {
    return [
      fail(
        CHECK,
        'the database has been used by a newer version of this program',
        'Start that version, or restore the backup made before the upgrade',
      ),
    ];
  }
  const { server } = database;
  if (server === undefined) return [];
  const what = `Postgres ${server.version}, ${(server.sizeBytes / GIGABYTE).toFixed(1)} GB`;
  const next = database.kind === 'missing' ? ': the first start makes the tables' : '';
  return [ok(CHECK, `${what}${next}`)];
}

/** Whether the service can work on it at all. */
function checkFit(server: ServerFacts): readonly Finding[] {
  const { isKnownVersion, version, encoding, isStandby, isReadOnly } = server;
  return [
    ...(isKnownVersion
      ? []
      : [fail(CHECK, `Postgres ${version} is too old`, 'Upgrade the server to Postgres 15 or newer')]),
    ...(encoding === 'UTF8'
      ? []
      : [
          fail(
            CHECK,
            `the database's encoding is ${encoding}, which can't hold every name`,
            "Make a new one (create database … encoding 'UTF8' template template0) and set DATABASE_URL to it",
          ),
        ]),
    ...(isStandby
      ? [fail(CHECK, 'the server is a standby, which can only be read', 'Set DATABASE_URL to the primary')]
      : []),
    ...(isReadOnly && !isStandby
      ? [
          fail(
            CHECK,
            'the service could only read: default_transaction_read_only is on',
            'Take that setting off the server, the database and the user (alter database …, alter role … reset ' +
              'default_transaction_read_only)',
          ),
        ]
      : []),
  ];
}

/** A webhook is answered when it is on disk, and Intercom then forgets it. */
function checkDurability({ syncsFiles, syncsCommits, keepsFullPages }: ServerFacts): readonly Finding[] {
  return [
    ...(syncsFiles
      ? []
      : [
          fail(
            CHECK,
            'fsync is off: a crash of the machine can damage the whole database',
            'Set fsync = on in postgresql.conf and reload the server',
          ),
        ]),
    ...(syncsCommits
      ? []
      : [
          fail(
            CHECK,
            'synchronous_commit is off: a crash loses webhooks that were already answered',
            'Set synchronous_commit = on for the server, the database and the user',
          ),
        ]),
    ...(keepsFullPages
      ? []
      : [
          warn(
            CHECK,
            'full_page_writes is off: a crash can damage tables, unless the file system writes whole pages',
            'Set full_page_writes = on in postgresql.conf and reload the server',
          ),
        ]),
  ];
}

function checkConnections({ connections, maxConnections }: ServerFacts, ownConnections: number): Finding {
  const sentence = `${connections} of ${maxConnections} connections are used`;
  return maxConnections - connections < ownConnections
    ? warn(
        'connections',
        `${sentence}; each process of the service may need ${ownConnections}`,
        'Raise max_connections and restart the server, or let fewer programs use it',
      )
    : ok('connections', sentence);
}
