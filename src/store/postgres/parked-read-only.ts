import type { ReadOnlyParked } from '../ports/read-only.js';
import { countParked, listParked } from './parked.js';
import { openReadOnly } from './read-only.js';

/**
 * What is parked in the database at `url`, whatever settings it is used with: nothing is made, migrated or written.
 * @throws AppError `store_unavailable` or `store_newer_than_program`
 */
export async function openPostgresParkedReadOnly(url: string): Promise<ReadOnlyParked> {
  const { view, close } = await openReadOnly(url, 'intercom-engagement parked');
  return {
    parked: (page) => view((query) => listParked(query, page)),
    countParked: () => view(countParked),
    close,
  };
}
