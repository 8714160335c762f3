import { types, type CustomTypesConfig } from 'pg';

/** How a value comes from the server as a text. */
type Read = (held: string) => unknown;

/**
 * How the values of rows are read: integers as numbers, because ours are below 2^53; texts and booleans as they are, unless
 * something else is said here.
 */
export function createTypes({
  text,
  boolean,
}: {
  readonly text?: Read;
  readonly boolean?: Read;
}): CustomTypesConfig {
  const { BOOL, INT8, TEXT } = types.builtins;
  const own = new Map<number, Read | undefined>([
    [INT8, readInteger],
    [TEXT, text],
    [BOOL, boolean],
  ]);
  const getTypeParser: CustomTypesConfig['getTypeParser'] = (type, format) =>
    own.get(type) ?? types.getTypeParser(type, format);
  return { getTypeParser };
}

/** @throws RangeError for what no number holds exactly */
function readInteger(held: string): number {
  const value = Number(held);
  if (!Number.isSafeInteger(value)) throw new RangeError('an integer of the database is beyond 2^53');
  return value;
}
