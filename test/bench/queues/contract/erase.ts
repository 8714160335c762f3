import { runSixStatements } from '../six-statements.ts';
import { assertThat, makeEvent, waitFor, type Property } from './property.ts';

const SECRET = 'jane.doe@example.com';

export const erase: Property = {
  name: 'the payload of a settled event can be erased, and its key stays',
  check: async ({ queue, pool, work }) => {
    const body = Buffer.from(JSON.stringify({ conversation: 'conversation:1', email: SECRET }));
    const event = makeEvent('erase:1', { body });
    await work(async (held) => {
      await held.settle((run) => runSixStatements(held, run));
    });
    await queue.storeAll([event]);
    await waitFor(async () => (await queue.countOpen()) === 0, 20_000, 'it was not settled');
    await queue.erase('erase:1');
    const { rows: tables } = await pool.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    for (const { name } of tables) {
      const { rows } = await pool.query<{ n: number }>(
        `select count(*)::int as n from ${name} t where t::text like any ($1)`,
        [[SECRET, body.toString('base64'), body.toString('hex')].map((one) => `%${one}%`)],
      );
      assertThat(rows[0]?.n === 0, `the payload is still in ${name}`);
    }
    assertThat(
      (await queue.storeAll([event]))[0] === 'duplicate',
      'stored again after its payload was erased',
    );
  },
};
