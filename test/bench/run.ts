import { parseArgs } from 'node:util';
import { benchDryRun } from './dry-run.js';
import { benchFirstReport } from './first-report.js';
import { benchFlow } from './flow.js';
import { benchIngest } from './ingest.js';
import { benchJourney } from './journey.js';
import { benchPages } from './pages.js';
import { benchRecovery } from './recovery.js';
import { benchSoak } from './soak.js';
import { benchSweep } from './sweep.js';
import { benchReports } from './reports.js';
import { ENGINES, type Engine } from './engines.js';

/**
 * `npm run bench -- <name> [--short] [--engine sqlite|postgres|both]`: figures for reading; only `recovery` fails by a
 * time. `reports` alone knows engines.
 */
const benches: Readonly<Record<string, (isShort: boolean, engine: Engine) => Promise<void>>> = {
  'dry-run': benchDryRun,
  'first-report': benchFirstReport,
  flow: benchFlow,
  ingest: benchIngest,
  journey: benchJourney,
  pages: benchPages,
  recovery: benchRecovery,
  soak: benchSoak,
  sweep: benchSweep,
  reports: benchReports,
};

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { short: { type: 'boolean', default: false }, engine: { type: 'string', default: 'sqlite' } },
});
const bench = benches[positionals[0] ?? ''];
const engine = ENGINES.find((one) => one === values.engine);
if (bench === undefined || engine === undefined) {
  console.error(
    `Which benchmark? npm run bench -- <${Object.keys(benches).join(' | ')}> [--short] [--engine ${ENGINES.join('|')}]`,
  );
  process.exitCode = 2;
} else {
  await bench(values.short, engine);
}
