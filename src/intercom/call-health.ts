import type { Blame } from '../errors.js';
import type { Breaker, Pass } from './breaker.js';
import type { CalledPath } from './circuit.js';
import type { Permit } from './rate-budget.js';
import { isOfIntercom, refusalOf, unreadable, type Answer, type RequestKind } from './refusals.js';

/** The calls with which one object is read, as the breaker names them. */
export const READ_CALLS: readonly string[] = [
  'GET /contacts/{id}',
  'GET /conversations/{id}',
  'POST /conversations/search',
];

/** The calls with which one contact is written. */
export const WRITE_CALLS: readonly string[] = ['GET /contacts/{id}', 'PUT /contacts/{id}'];

/**
 * Asks the breaker directly before a call is sent.
 * @throws AppError `intercom_waiting` while Intercom does not answer; the permit is given back then.
 */
export function enterBreaker(
  breaker: Breaker | undefined,
  { label, path }: CalledPath,
  permit: Permit,
): Pass | null {
  try {
    return breaker?.enter({ label, path }) ?? null;
  } catch (error) {
    permit.giveBack();
    throw error;
  }
}

/** Tells the breaker what came back; null when Intercom itself has answered. */
export function judgeAnswer(pass: Pass | null, answer: Answer, kind: RequestKind): Blame | null {
  if (pass === null) return null;
  if (isOfIntercom(answer)) {
    pass.succeed();
    return null;
  }
  const isSuccess = answer.status >= 200 && answer.status <= 299;
  const { code, message } = isSuccess
    ? unreadable(answer.label, 'the answer is not JSON', kind)
    : refusalOf(answer, kind);
  return pass.fail(`${code}: ${message}`);
}
