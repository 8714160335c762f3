import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Access } from '../http/access.js';
import { PAGES } from './addresses.js';
import type { View } from './render.js';

const TITLES: Readonly<Record<number, string>> = {
  400: 'That cannot be done',
  403: 'Not allowed',
  404: 'Page not found',
  500: 'Something went wrong',
  503: 'Not at this moment',
};

/** A page for what cannot be shown, and the way on from it. */
export async function problemView(
  access: Access,
  context: Context,
  status: ContentfulStatusCode,
  sentence: string,
): Promise<View> {
  const title = TITLES[status] ?? 'Problem';
  const login = await access.loginOf(context).catch(() => null);
  const isStranger = access.hasSignIn && login === null;
  const request: unknown = context.get('requestId');
  return {
    title,
    current: null,
    status,
    isPublic: isStranger,
    body: () => (
      <>
        <h1>{title}</h1>
        <p>{sentence}</p>
        {status >= 500 && (
          <p>
            Load the page again in a moment. The service’s log tells more about request{' '}
            <code>{String(request)}</code>.
          </p>
        )}
        {isStranger ? (
          <p>
            <a href="/intercom">To the pages</a>
          </p>
        ) : (
          <ul class="report-list">
            {PAGES.map(({ path, name, purpose }) => (
              <li>
                <a href={path}>{name}</a>
                <p>{purpose}</p>
              </li>
            ))}
          </ul>
        )}
      </>
    ),
  };
}
