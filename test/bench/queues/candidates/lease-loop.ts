/** Keeps `concurrency` pieces of work in hand: asks for more when some are done, when woken, and every `pollMs`. */
export function startLeaseLoop<Item>(options: {
  readonly concurrency: number;
  readonly pollMs: number;
  readonly lease: (limit: number) => Promise<readonly Item[]>;
  readonly handle: (item: Item) => Promise<void>;
  /** Asked when there was nothing to lease. */
  readonly nextDueInMs?: () => Promise<number>;
}): { readonly wake: () => void; readonly stop: () => Promise<void> } {
  const inHand = new Set<Promise<void>>();
  let isStopping = false;
  let isWoken = false;
  let ring: () => void = () => {};
  const wake = (): void => {
    isWoken = true;
    ring();
  };
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      ring = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const run = async (): Promise<void> => {
    for (;;) {
      if (isStopping) break;
      const free = options.concurrency - inHand.size;
      // A lease costs the same for one as for many: wait until half the hands are free.
      if (free * 2 >= options.concurrency) {
        isWoken = false;
        const items = await options.lease(free);
        for (const item of items) {
          const done: Promise<void> = options.handle(item).finally(() => {
            inHand.delete(done);
            wake();
          });
          inHand.add(done);
        }
        if (items.length > 0) continue;
      }
      if (!isWoken) {
        const isIdle = inHand.size === 0 && options.nextDueInMs !== undefined;
        const dueInMs = isIdle ? ((await options.nextDueInMs?.()) ?? options.pollMs) : options.pollMs;
        if (!isWoken) await pause(Math.max(1, Math.min(options.pollMs, dueInMs)));
      }
      isWoken = false;
    }
    await Promise.all(inHand);
  };
  const running = run();
  return {
    wake,
    stop: () => {
      isStopping = true;
      ring();
      return running;
    },
  };
}
