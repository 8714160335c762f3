import type { Queue } from '../queue.ts';
import { createGraphileWorker } from './graphile-worker.ts';
import { createInboxTable } from './inbox-table.ts';
import { createPgBoss } from './pg-boss.ts';

export const CANDIDATES: Readonly<Record<string, (url: string) => Queue>> = {
  'graphile-worker': createGraphileWorker,
  'pg-boss': (url) => createPgBoss(url, 'fetch'),
  'pg-boss-fifo': (url) => createPgBoss(url, 'fetch', 'key_strict_fifo'),
  'pg-boss-work': (url) => createPgBoss(url, 'work'),
  'inbox-table': createInboxTable,
};

export function openCandidate(name: string, url: string): Queue {
  const open = CANDIDATES[name];
  if (open === undefined) throw new Error(`no candidate ${name}: ${Object.keys(CANDIDATES).join(', ')}`);
  return open(url);
}
