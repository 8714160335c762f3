/**
 * An OpenAPI 3.0 document as one that a JSON Schema validator understands, wherever schemas stand in it:
 * `nullable` becomes the type null, also beside a reference; `oneOf` becomes `anyOf`, because the alternatives in
 * Intercom's descriptions overlap; examples, discriminators and references for which `hasTarget` is false (2.11 has
 * one) are left out.
 */
export function toJsonSchema(node: unknown, hasTarget: (reference: string) => boolean): unknown {
  if (Array.isArray(node)) return node.map((one) => toJsonSchema(one, hasTarget));
  if (typeof node !== 'object' || node === null) return node;
  const { nullable, ...rest } = Object.fromEntries(
    Object.entries(node).flatMap(([key, value]): [string, unknown][] => translate(key, value, hasTarget)),
  );
  // A property may itself be called "nullable": then its value is a schema, not a flag.
  if (typeof nullable !== 'boolean') return nullable === undefined ? rest : { ...rest, nullable };
  return nullable ? { anyOf: [{ type: 'null' }, rest] } : rest;
}

const LEFT_OUT: ReadonlySet<string> = new Set(['example', 'examples', 'discriminator']);

function translate(
  key: string,
  value: unknown,
  hasTarget: (reference: string) => boolean,
): [string, unknown][] {
  if (key === 'properties' && typeof value === 'object' && value !== null) {
    // Names of properties are no keywords.
    const schemas = Object.entries(value).map(([name, schema]) => [name, toJsonSchema(schema, hasTarget)]);
    return [[key, Object.fromEntries(schemas)]];
  }
  if (LEFT_OUT.has(key) || (key === '$ref' && typeof value === 'string' && !hasTarget(value))) return [];
  return [[key === 'oneOf' ? 'anyOf' : key, toJsonSchema(value, hasTarget)]];
}

/** A JSON pointer (RFC 6901) below `base`. */
export function joinPointer(base: string, ...keys: readonly string[]): string {
  return keys.reduce((pointer, key) => `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, base);
}
