import type { Context } from 'hono';
import type { FieldProblem } from './problem.js';

export type GivenFields =
  | { readonly kind: 'ok'; readonly given: Readonly<Record<string, unknown>> }
  | { readonly kind: 'wrong'; readonly problems: readonly FieldProblem[] };

/** Query parameters by name; one that repeats is a list. */
export function readParameters(parameters: Iterable<readonly [string, string]>): Record<string, unknown> {
  const values = new Map<string, string | string[]>();
  for (const [name, value] of parameters) {
    const before = values.get(name);
    values.set(name, before === undefined ? value : [before, value].flat());
  }
  return Object.fromEntries(values);
}

/**
 * What a request asks with: query parameters and, by POST, the JSON object in the body. The body's content type does
 * not matter (`curl -d` sends a form's); who may send what is settled before.
 */
export async function readGiven(context: Context): Promise<GivenFields> {
  const fromAddress = readParameters(new URL(context.req.url).searchParams);
  if (context.req.method !== 'POST') return { kind: 'ok', given: fromAddress };
  const body = readBody(await context.req.arrayBuffer());
  if (body === null) {
    const message = 'must be one JSON object in UTF-8, such as {"lookbackDays": 90}';
    return { kind: 'wrong', problems: [{ field: 'body', message }] };
  }
  const twice = Object.keys(body).filter((name) => Object.hasOwn(fromAddress, name));
  if (twice.length > 0) {
    const message = 'must be either in the body or in the address';
    return { kind: 'wrong', problems: twice.map((field) => ({ field, message })) };
  }
  return { kind: 'ok', given: Object.fromEntries([...Object.entries(fromAddress), ...Object.entries(body)]) };
}

/** An empty body asks with nothing but defaults. Null for anything but a JSON object. */
function readBody(bytes: ArrayBuffer): object | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (text.trim() === '') return {};
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null && !Array.isArray(body) ? body : null;
  } catch {
    return null;
  }
}
