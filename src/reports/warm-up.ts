import type { ReportStore } from '../store/ports/reports.js';
import { REPORTS } from './catalog.js';
import { reportContext } from './report.js';

/** Enough rows to compile what makes them, few enough to be quick over any number of members. */
const ROWS = 50;

/**
 * Answers each report once for nobody, so that the first person who asks waits for nothing but rows: the thread is begun,
 * code and statements are compiled, and the pages of the database that reports begin with are read. Never rejects: what
 * fails here fails again, and says why, when somebody asks.
 */
export async function warmUpReports(store: ReportStore, nowAt: number, timeZone: string): Promise<void> {
  const context = reportContext(store, nowAt, timeZone);
  try {
    for (const report of REPORTS) {
      const given = 'limit' in report.fields ? { limit: ROWS } : {};
      const preparation = report.prepare(given, context);
      if (preparation.kind === 'ok') JSON.stringify(await preparation.prepared.body());
    }
    await store.filterChoices();
  } catch {
    // Not ours to tell of.
  }
}
