import { afterEach, beforeEach, describe } from 'vitest';
import type { Store } from '../../src/store/ports/store.js';
import { describeApplying } from './applying.js';
import { describeKeepingHouse } from './upkeep.js';
import { describeLifecycles } from './lifecycles.js';
import { describeLooking } from './looking.js';
import { describeReceiving } from './receiving.js';
import { describeRunning } from './running.js';
import { describeSigningOut } from './signing-out.js';
import { describeSweeping } from './sweeping.js';
import { describeWriting } from './writing.js';

/**
 * The contract of {@link Store}, for any engine.
 * @param open answers a store that is empty and migrated; each test gets its own.
 */
export function describeStore(name: string, open: () => Store): void {
  describe(`the store on ${name}`, () => {
    let store: Store;
    beforeEach(() => {
      store = open();
    });
    afterEach(() => store.close());
    const storeOf = (): Store => store;

    describeReceiving(storeOf);
    describeApplying(storeOf);
    describeLifecycles(storeOf);
    describeWriting(storeOf);
    describeRunning(storeOf);
    describeSweeping(storeOf);
    describeLooking(storeOf);
    describeKeepingHouse(storeOf);
    describeSigningOut(storeOf);
  });
}
