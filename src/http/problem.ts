import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { BARE_HEADERS } from './secure-headers.js';

/** One wrong field of a request: what was wrong and, where that helps, what is allowed. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
  readonly allowed?: readonly string[];
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  413: 'Body too large',
  415: 'Unsupported media type',
  421: 'Misdirected request',
  429: 'Too many requests',
  500: 'Internal error',
  502: 'Bad gateway',
  503: 'Unavailable',
};

/**
 * Answers an error as RFC 9457 `application/problem+json`. `detail` is a sentence for people that says how to fix it
 * and never quotes personal data.
 */
export function answerProblem(
  context: Context,
  status: ContentfulStatusCode,
  detail: string,
  errors?: readonly FieldProblem[],
): Response {
  const requestId: unknown = context.get('requestId');
  const problem = {
    type: 'about:blank',
    title: TITLES[status] ?? 'Error',
    status,
    detail,
    requestId: typeof requestId === 'string' ? requestId : null,
    ...(errors === undefined ? {} : { errors }),
  };
  return context.body(JSON.stringify(problem), status, {
    ...BARE_HEADERS,
    'content-type': 'application/problem+json',
  });
}

/** 400 that names every wrong field. */
export function refuseFields(context: Context, problems: readonly FieldProblem[]): Response {
  const sentences = problems.map(({ field, message }) => `${field} ${message}`);
  return answerProblem(context, 400, `${sentences.join('; ')}.`, problems);
}
