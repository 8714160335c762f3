import { describe } from 'vitest';
import { exerciseApplying } from './applying.js';
import { exerciseApplyingTogether } from './applying-together.js';
import { setUpBench, type Bench } from './bench.js';
import { exerciseStaleLeases } from './stale-leases.js';
import { exerciseClocksApart } from './clocks-apart.js';
import { exerciseWakeUps } from './wake-ups.js';
import { exerciseLostConnection, exerciseLostConnections } from './lost-connection.js';
import { exerciseOftenStartingTogether, exerciseStartingTogether } from './starting-together.js';
import { exerciseOddTexts } from './odd-texts.js';
import { exerciseLargeBodies, exerciseLargeErasures } from './large-bodies.js';
import { exerciseMixedCaseIds } from './mixed-case-ids.js';
import { exerciseManyErasures, exerciseVeryManyErasures } from './many-erasures.js';
import { exerciseReplicas } from './replicas.js';
import { exerciseReporting } from './reporting.js';
import { exerciseSharingRate } from './sharing-rate.js';
import { exercisePaging } from './paging.js';
import { exerciseReportCounts } from './report-counts.js';
import { exerciseDataVersion } from './data-version.js';
import type { Engine } from './engine.js';
import { exerciseFighting } from './fighting.js';
import { exerciseLifecycles } from './lifecycles.js';
import { exerciseLooking } from './looking.js';
import { exerciseReceiving } from './receiving.js';
import { exerciseRefusing } from './refusing.js';
import { exerciseRunning } from './running.js';
import { exerciseSigningOut } from './signing-out.js';
import { exerciseSweeping } from './sweeping.js';
import { exerciseLongRaces, exerciseTwoStores } from './two-stores.js';
import { exerciseErasedMentions } from './erased-mentions.js';
import { exerciseUpkeep } from './upkeep.js';
import { exerciseWriting } from './writing.js';

const SUBJECTS = [
  exerciseTwoStores,
  exerciseReceiving,
  exerciseApplying,
  exerciseApplyingTogether,
  exerciseLifecycles,
  exerciseWriting,
  exerciseFighting,
  exerciseRefusing,
  exerciseRunning,
  exerciseSweeping,
  exerciseLooking,
  exerciseUpkeep,
  exerciseErasedMentions,
  exerciseSigningOut,
  exerciseReplicas,
  exerciseSharingRate,
  exerciseStaleLeases,
  exerciseClocksApart,
  exerciseWakeUps,
  exerciseLostConnection,
  exerciseStartingTogether,
  exerciseOddTexts,
  exerciseLargeBodies,
  exerciseMixedCaseIds,
  exerciseManyErasures,
  exerciseReporting,
  exercisePaging,
  exerciseReportCounts,
  exerciseDataVersion,
];

/** What takes longer than people like to wait after each change. */
const LONG_SUBJECTS = [
  exerciseVeryManyErasures,
  exerciseLargeErasures,
  exerciseLostConnections,
  exerciseLongRaces,
  exerciseOftenStartingTogether,
];

/** All that an engine must do, as a group of tests: {@link Store}, {@link ReportStore}, and what may go wrong under them. */
export function exerciseEngine(engine: Engine): void {
  describe(`the store on ${engine.name}`, () => {
    exerciseAll(engine, SUBJECTS);
  });
}

/** The part of it that takes a minute. */
export function exerciseEngineAtLength(engine: Engine): void {
  describe(`the store on ${engine.name}, at length`, () => {
    exerciseAll(engine, LONG_SUBJECTS);
  });
}

function exerciseAll(engine: Engine, subjects: readonly ((bench: Bench) => void)[]): void {
  const bench = setUpBench(engine);
  for (const exercise of subjects) exercise(bench);
}
