import { randomBytes } from 'node:crypto';
import type { Unit } from './database.js';
import { readMeta } from './meta.js';

/** Made at the first look; where two do that at the same time, the first one's stays. */
export async function readFormKey(unit: Unit): Promise<string> {
  const { form_key: known } = await readMeta(unit, ['form_key']);
  if (known !== null) return known;
  const made = randomBytes(32).toString('base64url');
  await unit.run(`insert into meta (name, value) values ('form_key', @value) on conflict do nothing`, {
    value: JSON.stringify(made),
  });
  return (await readMeta(unit, ['form_key'])).form_key ?? made;
}
