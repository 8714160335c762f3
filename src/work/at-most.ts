/**
 * What `work` answers for each of `items`, in their order, at most `limit` of them in hand at once. The first failure
 * ends it: nothing further is begun, and what is in hand is waited for.
 * @throws what the first of them failed with.
 */
export async function mapAtMost<Item, Result>(
  limit: number,
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const failures: unknown[] = [];
  const left = items.entries();
  const takeOn = async (): Promise<void> => {
    for (const [at, item] of left) {
      try {
        results[at] = await work(item);
      } catch (error) {
        failures.push(error);
      }
      if (failures.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, takeOn));
  if (failures.length > 0) throw failures[0];
  return results;
}
