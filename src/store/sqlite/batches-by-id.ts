/** Small enough to hold wide rows of a large workspace, large enough that the seeks cost nothing. */
const BATCH = 1000;

/** Every row of a table in batches, in order of id, so that memory stays flat; `after` reads those behind an id. */
export function* batchesById<Row extends { readonly id: string }>(
  after: (afterId: string, limit: number) => Row[],
): Generator<Row[]> {
  let batch = after('', BATCH);
  while (batch.length > 0) {
    yield batch;
    batch = batch.length < BATCH ? [] : after(batch.at(-1)?.id ?? '', BATCH);
  }
}
