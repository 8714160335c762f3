import type { Context } from 'hono';
import type { Jobs } from '../work/jobs.js';
import { runHref } from './addresses.js';

const MODES = {
  compare: { dryRun: true, force: false },
  write: { dryRun: false, force: false },
  force: { dryRun: false, force: true },
} as const;
type Mode = keyof typeof MODES;

interface StartButtonProps {
  readonly mode: Mode;
  readonly label: string;
  /** The form that it belongs to, where it stands outside. */
  readonly form?: string;
}

export const START_RUN_PATH = '/intercom/activity/runs';

export function StartButton({ mode, label, form }: StartButtonProps) {
  return (
    <button type="submit" class="quiet" name="mode" value={mode} form={form}>
      {label}
    </button>
  );
}

/** Starts a reconciliation by hand and leads to its page; while another run is at work, to that one's. */
export async function startRun(
  jobs: Jobs,
  context: Context,
  refuse: (sentence: string) => Response | Promise<Response>,
): Promise<Response> {
  const { mode } = await context.req.parseBody();
  const settings = Object.entries(MODES).find(([name]) => name === mode)?.[1];
  if (settings === undefined) return refuse(`mode must be one of: ${Object.keys(MODES).join(', ')}`);
  const started = await jobs.start({ job: 'reconcile', lookbackDays: null, ...settings });
  const href = runHref(started.run.id);
  if (started.kind === 'busy') return context.redirect(`${href}?busy=yes`, 303);
  // Its page shows how it ends.
  started.ended.catch(() => undefined);
  return context.redirect(href, 303);
}
