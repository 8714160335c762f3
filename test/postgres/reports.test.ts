import { exerciseReportCounts } from '../../src/store/exercise/report-counts.js';
import { exerciseReporting } from '../../src/store/exercise/reporting.js';
import { setUpBench } from '../../src/store/exercise/bench.js';
import { describe } from 'vitest';
import { copiedEngine } from '../support/copied-engine.js';

// The same suite that SQLite passes: what reports say is compared with a plain computation.
describe('reports of a database that was copied to Postgres', () => {
  const bench = setUpBench(copiedEngine);
  exerciseReporting(bench);
  exerciseReportCounts(bench);
});
