import type { Clock } from '../clock.js';
import { AppError, type Blame } from '../errors.js';
import type { Breaker, Pass } from './breaker.js';
import { enterBreaker, judgeAnswer } from './call-health.js';
import { parseJson } from './json.js';
import type { CallPriority, RateAnswer, RateBudget } from './rate-budget.js';
import { serverTimeMs } from './rate-headers.js';
import { scalarsIn, type Answer, type refusalOf } from './refusals.js';

export interface CallOptions {
  readonly priority: CallPriority;
  readonly signal?: AbortSignal;
  /** Asked right before the request goes out, behind the wait for the rate limit; where it rejects, nothing is sent. */
  readonly beforeSend?: () => Promise<void>;
  /** How long a search may take, beyond what other calls may: pages of 150 do take longer in large workspaces. */
  readonly searchTimeoutMs?: number;
}

/** One call that was sent, for metrics. */
export interface FinishedCall {
  /** Method and path without ids. */
  readonly label: string;
  /** Null when no answer came. */
  readonly status: number | null;
  readonly ms: number;
}

export interface IntercomClientOptions {
  /** `https://api.intercom.io`, or that of another region, a proxy or the sandbox. */
  readonly apiBase: string;
  readonly token: string;
  /** `Intercom-Version` header. */
  readonly version: string;
  /** Shared by all clients of one workspace. */
  readonly budget: RateBudget;
  /** Shared likewise. Left out by what asks each thing once and reports what it is told. */
  readonly breaker?: Breaker;
  readonly clock: Clock;
  /** For one call, from sending it to the last byte of its answer; waiting for the rate budget doesn't count. */
  readonly timeoutMs?: number;
  readonly userAgent?: string;
  /** Told of the time (`Date`, milliseconds, whole seconds) of every answer that Intercom itself has given. */
  readonly onServerTime?: (serverAtMs: number | null) => void;
  /** Told of every call that was sent, whatever became of it. */
  readonly onCall?: (call: FinishedCall) => void;
}

/** How long one call may take, from sending it to the last byte of its answer. */
export const CALL_TIMEOUT_MS = 10_000;
/** All that wait for the end of an outage wait for its probe. */
const PROBE_TIMEOUT_MS = 4000;
const MAX_ANSWER_BYTES = 20_000_000;

export interface TimedAnswer extends Answer {
  readonly sentAtMs: number;
  /** Of an answer that is none of Intercom's own. */
  readonly blame: Blame | null;
}

export interface Call {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  /** Method and path without ids. */
  readonly label: string;
  readonly body?: unknown;
  /** The id in the path. */
  readonly id?: string;
  readonly isSearch?: true;
  /** The attributes that are sent. */
  readonly names?: readonly string[];
}

export function kindOf(call: Call): Parameters<typeof refusalOf>[1] {
  return {
    isWrite: call.method === 'PUT',
    names: call.names ?? [],
    values: [...(call.id === undefined ? [] : [call.id]), ...scalarsIn(call.body)],
  };
}

/**
 * Sends one call, behind the rate budget and the breaker.
 * @returns the answer, whatever its status
 * @throws AppError `intercom_rate_limited`, `intercom_waiting`, `intercom_timeout`, `intercom_unreachable`,
 * `intercom_answer_too_large`, `stopped`, or what `how.beforeSend` rejects with.
 */
export async function sendCall(
  options: IntercomClientOptions,
  call: Call,
  how: CallOptions,
): Promise<TimedAnswer> {
  const { clock, budget } = options;
  const permit = await budget.acquire(how.priority, how.signal);
  const pass = enterBreaker(options.breaker, call, permit);
  try {
    await how.beforeSend?.();
    if (permit.isExpired()) throw tooLate(call);
  } catch (error) {
    pass?.abandon();
    permit.giveBack();
    throw error;
  }
  const timeoutMs = timeLimitMs(options.timeoutMs ?? CALL_TIMEOUT_MS, call, how, pass?.isProbe === true);
  const sentAtMs = clock.nowMs();
  const timeout = new AbortController();
  const done = new AbortController();
  let seen: RateAnswer | null = null;
  void abortAfter(clock, timeoutMs, timeout, done.signal);
  try {
    const response = await fetch(`${options.apiBase.replace(/\/+$/, '')}${call.path}`, {
      method: call.method,
      headers: {
        Authorization: `Bearer ${options.token}`,
        'Intercom-Version': options.version,
        Accept: 'application/json',
        'User-Agent': options.userAgent ?? 'intercom-engagement',
        ...(call.body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      // Following one would hand the token to another address.
      redirect: 'manual',
      signal: AbortSignal.any([timeout.signal, ...(how.signal === undefined ? [] : [how.signal])]),
    });
    const { status, headers } = response;
    seen = { status, headers, receivedAtMs: clock.nowMs() };
    // What stands in between (a proxy, a captive portal) answers with other statuses, and by a clock of its own.
    if (response.ok) options.onServerTime?.(serverTimeMs(headers));
    const bytes = await readBytes(response, call);
    const parsed = parseJson(bytes);
    const body = parsed.kind === 'ok' ? parsed.value : undefined;
    const answer = { label: call.label, body, sentAtMs, ...seen };
    return { ...answer, blame: judgeAnswer(pass, answer, kindOf(call)) };
  } catch (error) {
    throw callFailure(error, call, {
      isStopped: how.signal?.aborted === true,
      isLate: timeout.signal.aborted,
      timeoutMs,
      pass,
    });
  } finally {
    done.abort();
    permit.settle(seen);
    pass?.abandon();
    options.onCall?.({ label: call.label, status: seen?.status ?? null, ms: clock.nowMs() - sentAtMs });
  }
}

/** Held up between its permit and now, by a pause of the process: other processes use its room already. */
function tooLate({ label }: Call): AppError {
  return new AppError(
    'intercom_rate_limited',
    'later',
    `${label}: not sent, its place in the rate limit is over`,
    {
      blame: 'outage',
    },
  );
}

/** A search that takes long is no outage, so that one which probes has all its time. */
function timeLimitMs(usualMs: number, call: Call, how: CallOptions, isProbe: boolean): number {
  if (call.isSearch === true) return Math.max(usualMs, how.searchTimeoutMs ?? 0);
  return isProbe ? Math.min(usualMs, PROBE_TIMEOUT_MS) : usualMs;
}

async function abortAfter(
  clock: Clock,
  delayMs: number,
  target: AbortController,
  done: AbortSignal,
): Promise<void> {
  await clock.sleep(delayMs, done);
  if (!done.aborted) target.abort();
}

/** The whole body, unless it is longer than any answer of Intercom's should be. */
async function readBytes(response: Response, call: Call): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks);
    size += value.byteLength;
    chunks.push(value);
    if (size <= MAX_ANSWER_BYTES) continue;
    // Nobody need wait until the rest is called off.
    reader.cancel().catch(() => undefined);
    throw new AppError(
      'intercom_answer_too_large',
      'later',
      `${call.label}: the answer is longer than ${MAX_ANSWER_BYTES} bytes`,
      { outcomeUnknown: call.method === 'PUT' },
    );
  }
}

function callFailure(
  error: unknown,
  call: Call,
  how: {
    readonly isStopped: boolean;
    readonly isLate: boolean;
    readonly timeoutMs: number;
    readonly pass: Pass | null;
  },
): AppError {
  if (error instanceof AppError) return error;
  const { label } = call;
  const options = { cause: error, outcomeUnknown: call.method === 'PUT' };
  if (how.isStopped) return new AppError('stopped', 'later', `${label}: stopped`, options);
  const [code, message] = how.isLate
    ? (['intercom_timeout', `${label}: no answer within ${how.timeoutMs} ms`] as const)
    : (['intercom_unreachable', `${label}: Intercom can't be reached${causeOf(error)}`] as const);
  const blame = how.pass?.fail(`${code}: ${message}`) ?? null;
  return new AppError(code, 'later', message, { ...options, blame });
}

/** ` (ECONNREFUSED)`: fetch tells only in its error's cause what went wrong. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : null;
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string'
    ? ` (${cause.code})`
    : '';
}
