import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { onTestFinished } from 'vitest';
import { systemClock, type Clock } from '../../src/clock.js';
import { runCommandLine } from '../../src/cli/program.js';
import { BUNDLE_DIRECTORY } from './bundle-directory.js';

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Where it runs; an empty directory when left out. */
  readonly directory?: string;
  /** Its whole environment. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Stops reading after the first bytes, as `head` does. */
  readonly readsOnlyTheBeginning?: boolean;
}

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'engagement-cli-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/**
 * Runs the command line in this process, with these settings only: starting a process takes a third of a second, so
 * only what a process of its own shows is tested with {@link spawnCommand}.
 */
export async function runCommand(
  words: readonly string[],
  settings: Readonly<Record<string, string>> = {},
  clock: Clock = systemClock,
): Promise<Outcome> {
  const written = { stdout: '', stderr: '' };
  const collect = (to: keyof typeof written): Writable =>
    new Writable({
      decodeStrings: false,
      write: (text, _encoding, done) => {
        written[to] += String(text);
        done();
      },
    });
  const status = await runCommandLine(words, {
    environment: () => settings,
    clock,
    stdout: collect('stdout'),
    stderr: collect('stderr'),
  });
  return { status, ...written };
}

/** Runs the command line in a process of its own, with these settings only. */
export function spawnCommand(words: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [join(BUNDLE_DIRECTORY, 'main.js'), ...words], {
    cwd: options.directory ?? temporaryDirectory(),
    env: { PATH: process.env['PATH'], ...options.settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (options.readsOnlyTheBeginning === true) child.stdout.destroy();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((done) => child.once('close', (status) => done({ status, stdout, stderr })));
}
