import type { AttributeValue } from '../../rules/facts.js';

/** A value as it is stored; null where there is none. */
export function asJson(value: AttributeValue): string | null {
  return value === null ? null : JSON.stringify(value);
}

/** The same read back; null for what is no value. */
export function readValue(text: string | null): AttributeValue {
  const value: unknown = text === null ? null : JSON.parse(text);
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}
