import type { Unit } from './database.js';
import { makeKey, readMeta } from './meta.js';

/** Made at the first look. */
export async function readFormKey(unit: Unit): Promise<string> {
  const { form_key: known } = await readMeta(unit, ['form_key']);
  if (known !== null) return known;
  await makeKey(unit, 'form_key');
  const { form_key: made } = await readMeta(unit, ['form_key']);
  if (made === null) throw new TypeError('the key of forms was not stored');
  return made;
}
