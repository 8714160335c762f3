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

/** `npm run bench -- <name> [--short]`: figures for reading; only `recovery` fails by a time. */
const benches: Readonly<Record<string, (isShort: boolean) => Promise<void>>> = {
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

const [name = '', ...options] = process.argv.slice(2);
const bench = benches[name];
if (bench === undefined) {
  console.error(`Which benchmark? npm run bench -- <${Object.keys(benches).join(' | ')}> [--short]`);
  process.exitCode = 2;
} else {
  await bench(options.includes('--short'));
}
