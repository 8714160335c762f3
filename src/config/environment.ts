import type { z } from 'zod';
import { wrongSettings } from '../errors.js';
import { namesNotRead, visibleName, type NameNotRead } from './setting-names.js';
import { wrongQuotes } from './setting-values.js';
import { SETTINGS, VARIABLES } from './settings.js';
import { readSettingsFile } from './settings-file.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment of this process with the variables of `./.env`, where there is one; what is set to something already
 * stays.
 * @throws AppError `config_invalid` when there is one that can't be read, or only in part.
 */
export function readProcessEnvironment(): Environment {
  const { env } = process;
  for (const [name, value] of Object.entries(readSettingsFile('.env', VARIABLES))) {
    if ((env[name] ?? '').trim() === '') env[name] = value;
  }
  return env;
}

/** Names in `env` that were probably meant as settings and are not read. */
export function unreadSettings(env: Environment): readonly NameNotRead[] {
  return namesNotRead(env, VARIABLES);
}

/** For values that belong together; only those that are well-formed by themselves. */
export type CrossCheck = (values: Readonly<Partial<z.infer<typeof SETTINGS>>>) => readonly string[];

/** An empty variable counts as unset. */
export function readSettings<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  env: Environment,
  crossCheck: CrossCheck,
) {
  const visible = visibleEnvironment(env);
  const given = Object.fromEntries(
    Object.keys(schema.shape).flatMap((name) => {
      const value = visible[name]?.trim();
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
  const parsed = schema.safeParse(given);
  // One sentence for each variable: the first says most.
  const problems = new Map<string, string>();
  for (const [name, value] of Object.entries(given)) {
    const problem = wrongQuotes(value);
    if (problem !== null) problems.set(name, problem);
  }
  for (const { path, message } of parsed.error?.issues ?? []) {
    const name = String(path[0]);
    if (!problems.has(name)) problems.set(name, message);
  }
  for (const [name, value] of Object.entries(given)) {
    if (!problems.has(name) && /[\p{Cc}\u200b\u2060\ufeff]/u.test(value)) {
      problems.set(name, "must not hold line breaks or other characters that can't be seen");
    }
  }
  const wellFormed = Object.entries(SETTINGS.shape).flatMap(([name, field]) => {
    if (problems.has(name) || !(name in schema.shape)) return [];
    const { success, data } = field.safeParse(given[name]);
    return success ? [[name, data] as const] : [];
  });
  const lines = Object.keys(schema.shape).flatMap((name) =>
    problems.has(name) ? [`${name} ${problems.get(name)}`] : [],
  );
  lines.push(...crossCheck(Object.fromEntries(wellFormed)));
  if (lines.length > 0 || !parsed.success) throw wrongSettings(lines);
  return parsed.data;
}

/** A name that a byte order mark or a blank has crept into is read as it looks. */
function visibleEnvironment(env: Environment): Environment {
  const disguised = Object.keys(env).filter((name) => visibleName(name) !== name);
  if (disguised.length === 0) return env;
  const seen = disguised.map((name) => [visibleName(name), env[name]]);
  const given = Object.entries(env).filter(([, value]) => (value ?? '').trim() !== '');
  return Object.fromEntries([...seen, ...given]);
}
