/** The two sides, by the name that they lease under. */
export type Who = 'one' | 'other';

const ARRIVED = 0;
const PASSED = 1;
const MAX_WAIT_MS = 60_000;

export function createGate(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
}

/**
 * Waits until both threads are here, and lets them go at the same moment.
 * @throws when the other one doesn't come
 */
export async function meet(gate: Int32Array): Promise<void> {
  const turn = Atomics.load(gate, PASSED);
  if (Atomics.add(gate, ARRIVED, 1) % 2 === 1) {
    Atomics.add(gate, PASSED, 1);
    Atomics.notify(gate, PASSED);
    return;
  }
  // Not blocking: what the store still has to do goes on meanwhile, and the other side may wait for that.
  const passed = await Atomics.waitAsync(gate, PASSED, turn, MAX_WAIT_MS).value;
  if (passed === 'timed-out') {
    throw new Error('the other side of the race has not come');
  }
}
