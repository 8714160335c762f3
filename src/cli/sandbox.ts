import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../config/config.js';
import { dateOf } from '../rules/calendar.js';
import type { AttributeValue, Change } from '../rules/facts.js';
import { ATTRIBUTE_TYPES } from '../rules/vocabulary.js';
import { createProgressBar } from './progress-bar.js';
import { startServices, type SandboxServicesOptions } from './sandbox-services.js';
import type { RunProgress } from '../store/ports/runs.js';
import type { Written } from '../write-back/attempt.js';
import { closeRandomCall, editRandomContact } from '../sandbox/coaches.js';
import { populate } from '../sandbox/population.js';
import { createRandom, type Random } from '../sandbox/random.js';
import { startSandboxServer } from '../sandbox/serve-sandbox.js';
import { createWorkspace, type Workspace } from '../sandbox/workspace.js';

export interface SandboxOptions extends Pick<
  SandboxServicesOptions,
  'port' | 'replicas' | 'databaseUrl' | 'clock' | 'print'
> {
  readonly members: number;
  /** Seconds between two closed calls. */
  readonly every: number;
}

/** Every so many calls somebody edits a contact by hand. */
const CALLS_PER_EDIT = 5;

/**
 * The embedded default: a look-alike workspace with invented members on a port of its own, the real service pointed at
 * it, and coaches at work. Each change is printed as it reaches the workspace.
 */
export async function runSandbox(options: SandboxOptions): Promise<{ stop(): Promise<void> }> {
  const { clock, print } = options;
  const directory = await mkdtemp(join(tmpdir(), 'intercom-engagement-sandbox-'));
  const random = createRandom(clock.nowMs());
  const workspace = createWorkspace({ clock, seed: clock.nowMs() });
  const population = populate(workspace, { members: options.members });
  const intercom = await startSandboxServer(workspace);
  print(`A look-alike Intercom workspace runs at ${intercom.url}:`);
  print(
    `  ${population.contacts} invented contacts, ${population.conversations} conversations in the last year`,
  );

  /** When somebody last did something to a contact. */
  const actedAtMs = new Map<string, number>();
  const settings = settingsOf(workspace, intercom.url);
  const { timeZone } = readConfig(settings);
  let isFilling = true;
  let corrected = 0;
  const started: SandboxServicesOptions = {
    ...options,
    directory,
    settings,
    onProgress: showProgress(print),
    onWritten: (written, who) => {
      if (isFilling || written.cause.kind === 'backfill') corrected += written.changes.length;
      else print(`${describe(workspace, timeZone, written, actedAtMs)}${who}`);
    },
  };
  const service = await startServices(started).catch(async (error: unknown) => {
    // Its port is in use, most often.
    await intercom.close();
    await rm(directory, { recursive: true, force: true });
    throw error;
  });
  await service.filled;
  isFilling = false;
  print(`  the cache is filled; ${corrected} attributes were out of date in Intercom and are right now`);
  const example = workspace
    .contacts()
    .find((contact) => contact.role === 'user' && contact.externalId !== null);
  print(
    `Open the pages:    ${service.url}/intercom   (${service.url}/intercom/activity shows changes as they happen)`,
  );
  print(`Look a member up:  curl -s ${service.url}/API/intercom/members/${example?.externalId ?? ''}`);
  print('Coaches close calls from now on. Ctrl-C stops everything.');
  if (options.replicas > 1) {
    print(
      `${options.replicas} replicas share the work; once a minute one is killed, and started again later.`,
    );
  }
  print('');

  workspace.webhooks.deliverTo(`${service.url}/webhooks/intercom`);
  const stopping = new AbortController();
  const coaches = closeCalls(workspace, random, { ...options, timeZone }, actedAtMs, stopping.signal);
  const killing = service.killInTurn(stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all([coaches, killing]);
      workspace.webhooks.stop();
      await service.stop();
      await intercom.close();
      await rm(directory, { recursive: true, force: true });
      print('Stopped.');
    },
  };
}

function settingsOf(workspace: Workspace, apiBase: string): Record<string, string> {
  return {
    INTERCOM_ACCESS_TOKEN: workspace.settings.token,
    INTERCOM_CLIENT_SECRET: workspace.settings.clientSecret,
    INTERCOM_API_BASE: apiBase,
    INTERCOM_VERSION: workspace.settings.appVersion,
    SETTLE_AFTER_SECONDS: '10',
  };
}

async function closeCalls(
  workspace: Workspace,
  random: Random,
  { clock, print, every, timeZone }: SandboxOptions & { readonly timeZone: string },
  actedAtMs: Map<string, number>,
  signal: AbortSignal,
): Promise<void> {
  for (let number = 1; !signal.aborted; number += 1) {
    const now = clock.nowMs();
    const closed = closeRandomCall(workspace, random);
    const [contactId] = closed?.contactIds ?? [];
    if (closed !== null && contactId !== undefined) {
      actedAtMs.set(contactId, now);
      const kind = ['Channel', 'Service Code']
        .map((name) => {
          const value = closed.customAttributes[name];
          return typeof value === 'string' && value !== '' ? value : `${name} empty`;
        })
        .join(' · ');
      print(`${timeOf(timeZone, now)}  ${nameOf(workspace, contactId)}: a coach closed ${kind}`);
    }
    if (number % CALLS_PER_EDIT === 0) {
      const edit = editRandomContact(workspace, random);
      if (edit !== null) {
        const { contact, customAttributes } = edit;
        actedAtMs.set(contact.id, now);
        const changed = Object.entries(customAttributes).map(
          ([name, value]) => `${name} to ${value ?? 'empty'}`,
        );
        print(
          `${timeOf(timeZone, now)}  ${nameOf(workspace, contact.id)}: a teammate set ${changed.join(', ')}`,
        );
      }
    }
    await clock.sleep(every * 1000, signal);
  }
}

function describe(
  workspace: Workspace,
  timeZone: string,
  written: Written,
  actedAtMs: ReadonlyMap<string, number>,
): string {
  const changes = written.changes.map((change) => describeChange(change, timeZone)).join(', ');
  const actedMs = actedAtMs.get(written.contactId);
  const sinceMs =
    actedMs === undefined || written.cause.kind === 'settle'
      ? written.latencyMs
      : written.writtenAtMs - actedMs;
  return `${timeOf(timeZone, written.writtenAtMs)}    ${nameOf(workspace, written.contactId)}: ${changes}  (${sinceMs} ms)`;
}

/** Dates, and within one day the times too. */
function describeChange({ attribute, before, after }: Change, timeZone: string): string {
  const isDate = ATTRIBUTE_TYPES[attribute] === 'date';
  const dayOf = (value: AttributeValue): string | null =>
    isDate && typeof value === 'number' ? dateOf(value, timeZone) : null;
  const isOneDay = dayOf(before) !== null && dayOf(before) === dayOf(after);
  const show = (value: AttributeValue): string => {
    if (value === null || value === '') return 'empty';
    const day = dayOf(value);
    if (day === null) return String(value);
    return isOneDay ? `${day} ${timeIn(timeZone, Number(value))}` : day;
  };
  return `${attribute} ${show(before)} → ${show(after)}`;
}

function timeIn(timeZone: string, at: number): string {
  return new Intl.DateTimeFormat('en-GB', { timeZone, timeStyle: 'medium' }).format(at * 1000);
}

function nameOf(workspace: Workspace, contactId: string): string {
  const contact = workspace.contacts().find((one) => one.id === contactId);
  return contact?.name ?? contactId;
}

function timeOf(timeZone: string, atMs: number): string {
  return timeIn(timeZone, Math.floor(atMs / 1000));
}

/** A progress bar on a terminal; elsewhere one line for each phase. */
function showProgress(print: (line: string) => void): (progress: RunProgress) => void {
  const bar = createProgressBar(process.stdout, '  filling the cache');
  let phase = '';
  return (progress) => {
    if (!process.stdout.isTTY && progress.phase !== phase) print(`  filling the cache: ${progress.phase}`);
    phase = progress.phase;
    bar.update(progress.done, progress.total, phase);
    if (phase === 'done') bar.stop();
  };
}
