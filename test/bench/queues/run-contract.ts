import { Pool } from 'pg';
import { dedupe } from './contract/dedupe.ts';
import { durable } from './contract/durable.ts';
import { erase } from './contract/erase.ts';
import { frozen } from './contract/frozen.ts';
import { oneAtATime } from './contract/one-at-a-time.ts';
import { park } from './contract/park.ts';
import { payload } from './contract/payload.ts';
import { openBench, type Property } from './contract/property.ts';
import { retry } from './contract/retry.ts';
import { settledTogether } from './contract/settled-together.ts';
import { stale } from './contract/stale.ts';
import { takeover } from './contract/takeover.ts';
import { wait } from './contract/wait.ts';
import { startCluster } from './postgres.ts';
import { createWorkTables } from './six-statements.ts';

/*
 * Holds each candidate against the contract and prints a table. With words: only these candidates, or properties whose
 * name begins so.
 */
const PROPERTIES: readonly Property[] = [
  durable,
  dedupe,
  oneAtATime,
  settledTogether,
  takeover,
  stale,
  frozen,
  retry,
  park,
  wait,
  payload,
  erase,
];
const NAMES = ['graphile-worker', 'pg-boss', 'pg-boss-fifo', 'inbox-table'] as const;

const words = process.argv.slice(2);
const names = NAMES.filter((name) => words.includes(name));
const properties = PROPERTIES.filter(({ name }) => words.some((word) => name.startsWith(word)));
const cluster = startCluster();
process.once('exit', () => cluster.stop());
process.once('SIGINT', () => process.exit(1));
process.once('SIGTERM', () => process.exit(1));
for (const property of properties.length > 0 ? properties : PROPERTIES)
  for (const candidate of names.length > 0 ? names : NAMES)
    console.log(`| ${property.name} | ${candidate} | ${await tell(property, candidate)} |`);
process.exit(0);

async function tell(property: Property, candidate: string): Promise<string> {
  const url = await cluster.create('contract');
  const setup = new Pool({ connectionString: url, max: 1 });
  await createWorkTables(setup, 10);
  await setup.end();
  const bench = openBench(candidate, url, cluster.crash);
  try {
    await bench.queue.install();
    const figure = await property.check(bench);
    return figure === undefined ? 'yes' : `yes: ${figure}`;
  } catch (error) {
    return `no: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    await bench.close().catch(() => {});
  }
}
