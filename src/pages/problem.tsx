import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { FieldProblem } from '../operate/problem.js';
import type { View } from './render.js';

const TITLES: Readonly<Record<number, string>> = {
  400: 'This address cannot be answered',
  403: 'Not allowed',
  404: 'There is nothing here',
};

/** A page for what cannot be shown. */
export function problemView(
  status: ContentfulStatusCode,
  sentence: string,
  fields: readonly FieldProblem[] = [],
): View {
  return {
    title: TITLES[status] ?? 'Problem',
    current: null,
    status,
    body: () => (
      <>
        <h1>{TITLES[status] ?? 'Problem'}</h1>
        <p>{sentence}</p>
        {fields.length > 0 && (
          <ul>
            {fields.map(({ field, message, allowed }) => (
              <li>
                <code>{field}</code> {message}
                {allowed !== undefined && `: ${allowed.join(', ')}`}
              </li>
            ))}
          </ul>
        )}
        <p>
          <a href="/intercom">Home</a>
        </p>
      </>
    ),
  };
}
