import { readFileSync, statSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { wrongSettings } from '../errors.js';

/**
 * The variables that a file such as `.env` sets; none where there is no file.
 * @param known the settings: a line that names one and sets none would be lost without a word.
 * @throws AppError `config_invalid` when the file can't be read, or only in part.
 */
export function readSettingsFile(
  path: string,
  known: readonly string[],
): Readonly<Record<string, string | undefined>> {
  let bytes: Buffer;
  try {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return {};
    bytes = readFileSync(path);
  } catch {
    throw wrongSettings([`./${path} must be a file that this user may read`]);
  }
  // The 16-bit encodings of some editors, in which every other byte is zero.
  if (bytes.includes(0)) throw wrongSettings([`./${path} must be saved as UTF-8 text, without zero bytes`]);
  // Files that were joined have a mark in the middle.
  const text = bytes
    .toString('utf8')
    .replaceAll(/^\ufeff+/gm, '')
    .replaceAll(/\r\n?/g, '\n');
  const parsed = parseEnv(text);
  // Before the first equals sign, whatever stands around it: `set NAME=`, `- NAME=`, `"NAME"=`. Other languages' remarks
  // are remarks here too.
  const named = (name: string): RegExp => new RegExp(`^(?!\\s*(?:;|//))[^#=\\n]*(?<![\\w.-])${name}\\b`, 'm');
  const lost = known.filter((name) => parsed[name] === undefined && named(name).test(text));
  if (lost.length === 0) return parsed;
  throw wrongSettings(
    lost.map((name) => `${name} is named in ./${path}, but not as ${name}=value: write it that way`),
  );
}
