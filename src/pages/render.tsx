import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import type { Child } from 'hono/jsx';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Clock } from '../clock.js';
import type { Access } from '../http/access.js';
import type { PagePath } from './addresses.js';
import type { Assets } from './assets.js';
import { contentSecurityPolicy } from './content-security.js';
import { Layout } from './layout.js';
import { bootMessenger, type MessengerSettings } from './messenger.js';

export interface RenderDeps {
  readonly access: Access;
  readonly assets: Assets;
  readonly clock: Clock;
  readonly messenger: MessengerSettings;
}

/** One page to show. */
export interface View {
  /** Never holds a name or an e-mail address: titles end up in histories. */
  readonly title: string;
  /** Which entry of the navigation it belongs to. */
  readonly current: PagePath | null;
  readonly status?: ContentfulStatusCode;
  /** How often the browser asks whether the regions marked `data-live` have changed. */
  readonly liveEveryMs?: number;
  /** The page is for people who have not signed in. */
  readonly isPublic?: boolean;
  readonly body: (formToken: string) => Child;
}

export type Render = (context: Context, view: View) => Promise<Response>;

/** Turns views into whole pages with their headers. An unchanged page is answered 304. */
export function createRender(deps: RenderDeps): Render {
  const { access, assets, clock, messenger } = deps;
  return async (context, view) => {
    const isPublic = view.isPublic === true;
    // A page that says that the database cannot be used is shown all the same.
    const login = isPublic ? null : await access.loginOf(context).catch(() => null);
    const formToken = isPublic ? '' : access.logins.formToken(login);
    const boot = isPublic ? null : await bootMessenger(messenger, login?.personId ?? 'everybody', clock);
    const page: string | Promise<string> = (
      <Layout
        title={view.title}
        current={view.current}
        assets={assets}
        messenger={boot}
        formToken={formToken}
        canSignOut={login !== null}
        liveEveryMs={view.liveEveryMs ?? 0}
        isPublic={isPublic}
      >
        {view.body(formToken)}
      </Layout>
    );
    const html = `<!doctype html>${await page}`;
    context.header('content-security-policy', contentSecurityPolicy(boot?.region ?? null));
    // Pages show personal data: no cache on the way or in the browser keeps them.
    context.header('cache-control', 'no-store');
    // Form tokens differ each time; a page that differs in nothing else is the same page.
    const same = formToken === '' ? html : html.replaceAll(formToken, '');
    const entityTag = `W/"${createHash('sha256').update(same).digest('base64url').slice(0, 22)}"`;
    context.header('etag', entityTag);
    if (context.req.header('if-none-match') === entityTag) return context.body(null, 304);
    return context.html(html, view.status ?? 200);
  };
}
