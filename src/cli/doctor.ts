import type { Command } from 'commander';
import type { Clock } from '../clock.js';
import { readConfig, type Config } from '../config/config.js';
import { unreadSettings, type Environment } from '../config/environment.js';
import { AppError } from '../errors.js';
import { createIntercomClient } from '../intercom/client.js';
import { createRateBudget } from '../intercom/rate-budget.js';
import { examine } from '../watch/doctor/examine.js';
import { fail, warn, type Finding } from '../watch/doctor/finding.js';
import { createLocalService, type LocalServiceOptions } from '../watch/doctor/local-service.js';
import { databaseAt } from '../store/open-store.js';

export interface DoctorDeps {
  readonly environment: () => Environment;
  readonly clock: Clock;
  readonly stdout: NodeJS.WritableStream;
  /** In place of the network, to reach the service on this machine. */
  readonly send?: LocalServiceOptions['send'];
  /** In place of the file system. */
  readonly freeBytes?: (directory: string) => number;
}

/** `doctor [--fix]`. */
export function addDoctorCommand(program: Command, run: (fix: boolean) => Promise<void>): void {
  program
    .command('doctor')
    .description(
      'check settings, token, permissions, attributes, webhooks, clock, database and disk, and say how to fix what is wrong',
    )
    .option('--fix', 'make the contact attributes that are missing in Intercom')
    .action((options: { readonly fix?: boolean }) => run(options.fix === true));
}

/**
 * Prints one line for each check, and below what is wrong how to fix it.
 * @throws AppError `checks_failed` when something is wrong; warnings are not.
 */
export async function runDoctor(fix: boolean, deps: DoctorDeps): Promise<void> {
  let checks = 0;
  let failed = 0;
  for await (const finding of findings(fix, deps)) {
    checks += 1;
    if (finding.level === 'fail') failed += 1;
    deps.stdout.write(asLines(finding));
  }
  if (failed > 0) throw new AppError('checks_failed', 'never', `${failed} of ${checks} checks failed`);
}

async function* findings(fix: boolean, deps: DoctorDeps): AsyncGenerator<Finding> {
  const { environment, clock, send, freeBytes } = deps;
  let config: Config;
  const settings = environment();
  for (const { name, meant } of unreadSettings(settings)) {
    yield warn(
      'settings',
      `${name} is set but not read`,
      `If ${meant} is meant, call it that; else take it out`,
    );
  }
  try {
    config = readConfig(settings);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'config_invalid')) throw error;
    yield fail(
      'settings',
      error.message,
      "Set them in ./.env or in the service's environment (docs/operating.md, Settings)",
    );
    return;
  }
  yield* examine({
    intercom: createIntercomClient({
      apiBase: config.intercomApiBase,
      token: config.accessToken,
      version: config.intercomVersion,
      budget: createRateBudget({ clock }),
      clock,
    }),
    service: createLocalService({
      host: config.host,
      port: config.port,
      apiToken: config.apiTokens[0],
      ...(send === undefined ? {} : { send }),
    }),
    clock,
    database: await databaseAt(config).inspect(),
    nodeVersion: process.versions.node,
    settings: config,
    fix,
    ...(freeBytes === undefined ? {} : { freeBytes }),
  });
}

const WORDS = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL' } as const;
const CHECK_WIDTH = 24;

function asLines({ level, check, sentence, fix }: Finding): string {
  const indent = ' '.repeat(WORDS.ok.length + 2 + CHECK_WIDTH);
  const text = sentence.replaceAll('\n', `\n${indent}`);
  const first = `${WORDS[level]}  ${check.padEnd(CHECK_WIDTH)}${text}\n`;
  return fix === null ? first : `${first}${indent}→ ${fix}\n`;
}
