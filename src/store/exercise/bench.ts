import { afterAll, afterEach, beforeEach } from 'vitest';
import type { ReportStore } from '../ports/reports.js';
import type { Store } from '../ports/store.js';
import type { Engine, Settings } from './engine.js';
import { createRaces, type Races } from './race.js';
import { SETTINGS } from './samples.js';

/** What a test works with: an engine with a database that only this test knows. */
export interface Bench {
  readonly engine: Engine;
  /** The place of this test's database. */
  readonly placeOf: () => string;
  readonly storeOf: () => Store;
  /** A second store on the same database, as another process would have it. */
  readonly openAnother: (settings?: Partial<Settings>) => Promise<Store>;
  readonly race: Races['run'];
  readonly openReports: () => Promise<ReportStore>;
}

/** Opens a database for each test of the group that calls it, and removes it after. */
export function setUpBench(engine: Engine): Bench {
  const races = createRaces(engine);
  afterAll(() => races.close());
  let place = '';
  let store: Store | null = null;
  let cleanUp: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    const made = await engine.createPlace({ isNew: false });
    ({ place } = made);
    cleanUp = [made.remove];
    store = await open({});
  });
  afterEach(async () => {
    store = null;
    for (const step of cleanUp.toReversed()) await step();
  });

  async function open(settings: Partial<Settings>): Promise<Store> {
    const opened = await engine.open(place, { ...SETTINGS, ...settings });
    cleanUp.push(() => opened.close());
    return opened;
  }

  return {
    engine,
    placeOf: () => place,
    storeOf: () => {
      if (store === null) throw new Error('a store is there only while a test runs');
      return store;
    },
    openAnother: (settings = {}) => open(settings),
    race: races.run,
    openReports: async () => {
      const reports = await engine.openReports(place);
      cleanUp.push(() => reports.close());
      return reports;
    },
  };
}
