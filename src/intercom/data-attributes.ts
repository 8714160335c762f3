import { isRecord } from './json.js';

/** An attribute of contacts or conversations that somebody has made. */
export interface DataAttribute {
  readonly name: string;
  /** As Intercom names it: `string`, `date`, `list`, … */
  readonly dataType: string;
  /** The values that a list allows; null for everything else. */
  readonly options: readonly string[] | null;
  /** Whether the API may change it; null where Intercom doesn't say (conversations from 2.16 on). */
  readonly apiWritable: boolean | null;
  readonly archived: boolean;
}

/**
 * `GET /data_attributes` and `GET /conversations/attributes` → `data`, without the attributes that every workspace has.
 * Null when the answer is no such list.
 */
export function readDataAttributes(body: unknown): DataAttribute[] | null {
  const list = isRecord(body) ? body['data'] : null;
  if (!Array.isArray(list)) return null;
  return list.flatMap((one: unknown) => {
    if (!isRecord(one) || one['custom'] === false) return [];
    const { name, data_type: dataType, options, api_writable: apiWritable, archived } = one;
    if (typeof name !== 'string' || typeof dataType !== 'string') return [];
    return [
      {
        name,
        dataType,
        options: Array.isArray(options) && options.length > 0 ? options.flatMap(readOption) : null,
        apiWritable: typeof apiWritable === 'boolean' ? apiWritable : null,
        archived: archived === true,
      },
    ];
  });
}

/** A bare text, `{ value }`, or `{ label, archived }`. */
function readOption(option: unknown): string[] {
  if (typeof option === 'string') return [option];
  if (!isRecord(option) || option['archived'] === true) return [];
  const text = option['value'] ?? option['label'];
  return typeof text === 'string' ? [text] : [];
}
