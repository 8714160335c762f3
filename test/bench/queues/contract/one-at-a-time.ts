import type { NewEvent } from '../queue.ts';
import { assertThat, makeEvent, waitFor, type Property } from './property.ts';

const LANES = 5;
const EVENTS = 200;

interface Span {
  readonly key: string;
  readonly lane: string;
  readonly share: string;
  readonly began: number;
  readonly ended: number;
}

const SPANS = `
  select b.key, b.lane, b.share, extract(epoch from b.at)::float8 as began, extract(epoch from e.at)::float8 as ended
  from trace b join trace e on e.key = b.key and e.what = 'end'
  where b.what = 'begin' order by b.lane, b.at`;

export const oneAtATime: Property = {
  name: 'one at a time for each contact, both shares, two processes; oldest first',
  check: async ({ queue, pool, startWorker }) => {
    const events = Array.from({ length: EVENTS }, (_, at): NewEvent =>
      makeEvent(`e:${String(at).padStart(4, '0')}`, {
        lane: `lane:${at % LANES}`,
        share: at % 3 === 0 ? 'own' : 'webhooks',
      }),
    );
    // As webhooks that come together are stored: in one commit.
    for (let at = 0; at < EVENTS; at += 20) await queue.storeAll(events.slice(at, at + 20));
    const placeOf = new Map(events.map(({ key }, at) => [key, at]));
    await Promise.all([startWorker(8, 'trace'), startWorker(8, 'trace')]);
    await waitFor(async () => (await queue.countOpen()) === 0, 120_000, 'not all were handled within 120 s');
    const { rows } = await pool.query<Span>(SPANS);
    assertThat(rows.length === EVENTS, `${rows.length} of ${EVENTS} were handled`);
    let overlaps = 0;
    let outOfOrder = 0;
    const lastOf = new Map<string, number>();
    rows.forEach((span, at) => {
      const before = rows[at - 1];
      if (before?.lane === span.lane && before.ended > span.began) overlaps += 1;
      const line = `${span.lane} ${span.share}`;
      const place = placeOf.get(span.key) ?? NaN;
      if ((lastOf.get(line) ?? -1) > place) outOfOrder += 1;
      lastOf.set(line, place);
    });
    assertThat(
      overlaps === 0,
      `${overlaps} of ${EVENTS} began before the one before them in their lane had ended`,
    );
    assertThat(outOfOrder === 0, `${outOfOrder} of ${EVENTS} came after a newer one of their lane and share`);
  },
};
