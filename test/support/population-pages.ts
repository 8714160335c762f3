import { populate, type Population } from '../../src/sandbox/population.js';
import { createSandbox, dig } from './sandbox-ask.js';

/** Makes a population and reads so many pages of its conversations: how many there are, and how many were seen. */
export async function pageThrough(
  population: Population,
  pages: number,
): Promise<{ readonly conversations: number; readonly seen: number }> {
  const { workspace, ask } = createSandbox({ searchLagMs: 60_000 });
  const { conversations } = populate(workspace, population);
  const sort = { field: 'updated_at', order: 'ascending' };
  const query = { field: 'updated_at', operator: '>', value: 0 };
  const seen = new Set<unknown>();
  let cursor: unknown;
  for (let page = 0; page < pages; page += 1) {
    const pagination = { per_page: 150, ...(cursor === undefined ? {} : { starting_after: cursor }) };
    const answer = await ask('POST', '/conversations/search', { query, sort, pagination });
    const items = answer.at('conversations');
    for (const item of Array.isArray(items) ? items : []) seen.add(dig(item, ['id']));
    cursor = answer.at('pages', 'next', 'starting_after');
  }
  return { conversations, seen: seen.size };
}
