import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { DatabaseFacts } from '../ports/database-facts.js';
import { ageOfFile } from './connection.js';
import { readServiceSettings } from '../meta-values.js';
import { readOtherWorkspaces } from '../meta-values.js';
import { readMeta } from './reports-read-only.js';
import { sqliteCode } from './store-errors.js';

/** Looks at the database file at `path` beside a service that may be using it, and changes nothing. */
export function inspectDatabase(path: string): DatabaseFacts {
  if (!existsSync(path)) return { kind: 'missing' };
  try {
    const sqlite = new Database(path, { readonly: true, fileMustExist: true });
    try {
      return factsOf(sqlite);
    } finally {
      sqlite.close();
    }
  } catch (error) {
    const code = sqliteCode(error);
    if (code === null) throw error;
    return { kind: 'unusable', why: code };
  }
}

function factsOf(sqlite: Database.Database): DatabaseFacts {
  const verdict = sqlite.pragma('quick_check(1)', { simple: true });
  if (verdict !== 'ok') return { kind: 'unusable', why: 'it fails its integrity check' };
  const age = ageOfFile(sqlite);
  const usedBy = age === 0 ? 'same' : age < 0 ? 'older' : 'newer';
  const hasTables = sqlite
    .prepare("select count(*) = 2 from sqlite_master where type = 'table' and name in ('meta', 'inbox')")
    .pluck()
    .get();
  if (hasTables !== 1) {
    return {
      kind: 'found',
      usedBy,
      timeZone: null,
      settings: null,
      workspaceId: null,
      lastWebhookAtMs: null,
      otherWorkspaces: null,
    };
  }
  const timeZone = readMeta(sqlite, 'report_time_zone');
  const workspace = readMeta(sqlite, 'workspace');
  const isBound = typeof workspace === 'object' && workspace !== null && 'id' in workspace;
  const last = sqlite
    .prepare<[], number>("select received_at_ms from inbox where origin = 'webhook' order by id desc limit 1")
    .pluck()
    .get();
  return {
    kind: 'found',
    usedBy,
    timeZone: typeof timeZone === 'string' ? timeZone : null,
    settings: readServiceSettings(readMeta(sqlite, 'service_settings')),
    workspaceId: isBound && typeof workspace.id === 'string' ? workspace.id : null,
    lastWebhookAtMs: last ?? null,
    otherWorkspaces: readOtherWorkspaces(readMeta(sqlite, 'other_workspaces')),
  };
}
