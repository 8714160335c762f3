import type { z } from 'zod';
import type { FieldProblem } from './problem.js';

/** The fields of a request by name, each with the schema that reads it. */
export type QueryFields = Readonly<Record<string, z.ZodType>>;

/** What the fields say once they have been read. */
export type QueryOf<Fields extends QueryFields> = {
  readonly [Name in keyof Fields]: z.output<Fields[Name]>;
};

export type QueryReading<Query> =
  | { readonly kind: 'ok'; readonly query: Query }
  | { readonly kind: 'wrong'; readonly problems: readonly FieldProblem[] };

/**
 * Reads every field for itself, so that one answer names all that is wrong: unreadable values, unknown fields, and what
 * `check` finds between fields. `check` sees only what could be read.
 */
export function readQuery<Fields extends QueryFields>(
  fields: Fields,
  given: Readonly<Record<string, unknown>>,
  check: (query: Partial<QueryOf<Fields>>) => readonly FieldProblem[] = () => [],
  what = 'report',
): QueryReading<QueryOf<Fields>> {
  const problems: FieldProblem[] = Object.keys(given)
    .filter((name) => !Object.hasOwn(fields, name))
    .map((name) => ({
      field: name,
      message: `is not a field of this ${what}`,
      allowed: Object.keys(fields),
    }));
  const read: [string, unknown][] = [];
  for (const [name, schema] of Object.entries(fields)) {
    const result = schema.safeParse(Object.hasOwn(given, name) ? given[name] : undefined);
    if (result.success) read.push([name, result.data]);
    else problems.push(...describeIssues(name, result.error.issues));
  }
  const query = collect<Fields>(read);
  problems.push(...check(query));
  return problems.length === 0 ? { kind: 'ok', query } : { kind: 'wrong', problems };
}

function describeIssues(field: string, issues: readonly z.core.$ZodIssue[]): FieldProblem[] {
  const problems = new Map<string, FieldProblem>();
  for (const issue of issues) {
    const allowed = issue.code === 'invalid_value' ? { allowed: issue.values.map(String) } : {};
    problems.set(issue.message, { field, message: issue.message, ...allowed });
  }
  return [...problems.values()];
}

/** TypeScript can't follow fields through a loop: each value here came out of the schema of its own field. */
function collect<Fields extends QueryFields>(
  read: readonly (readonly [name: keyof Fields & string, value: unknown])[],
): QueryOf<Fields>;
function collect(read: readonly (readonly [string, unknown])[]): object {
  return Object.fromEntries(read);
}
