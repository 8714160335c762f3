import type { PropsWithChildren } from 'hono/jsx';
import { FORM_TOKEN_FIELD } from '../http/access.js';
import { PAGES, type PagePath } from './addresses.js';
import type { Assets } from './assets.js';
import type { MessengerBoot } from './messenger.js';

export interface LayoutProps {
  readonly title: string;
  readonly current: PagePath | null;
  readonly assets: Assets;
  readonly messenger: MessengerBoot | null;
  readonly formToken: string;
  readonly canSignOut: boolean;
  readonly liveEveryMs: number;
  readonly isPublic: boolean;
}

/** What all pages share: head, navigation, and at the end the Messenger where there is one. */
export function Layout(props: PropsWithChildren<LayoutProps>) {
  const { assets, messenger } = props;
  const live = props.liveEveryMs > 0 ? { 'data-live-every-ms': String(props.liveEveryMs) } : {};
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${props.title} · Coaching engagement`}</title>
        <link rel="icon" href={assets.href('icon.svg')} />
        <link rel="stylesheet" href={assets.href('pages.css')} />
        {props.liveEveryMs > 0 && <script type="module" src={assets.href('pages.js')}></script>}
        {messenger !== null && <script type="module" src={assets.href('messenger.js')}></script>}
      </head>
      <body {...live}>
        <a class="skip" href="#content">
          Skip to the content
        </a>
        <header class="site">
          <a class="brand" href="/intercom">
            Coaching engagement
          </a>
          {!props.isPublic && <Navigation {...props} />}
        </header>
        <main id="content">{props.children}</main>
        {messenger !== null && (
          <div
            id="messenger"
            hidden
            data-app-id={messenger.appId}
            data-region={messenger.region}
            {...(messenger.userJwt === null ? {} : { 'data-user-jwt': messenger.userJwt })}
          ></div>
        )}
      </body>
    </html>
  );
}

function Navigation({ current, canSignOut, formToken }: LayoutProps) {
  return (
    <>
      <nav aria-label="Pages">
        <ul>
          {PAGES.map(({ path, name }) => (
            <li>
              <a href={path} {...(path === current ? { 'aria-current': 'page' } : {})}>
                {name}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      {canSignOut && (
        <form id="sign-out" method="post" action="/sign-out">
          <FormToken value={formToken} />
          <button type="submit" class="quiet">
            Sign out
          </button>
        </form>
      )}
    </>
  );
}

/** Goes into every form that changes something. */
export function FormToken({ value }: { readonly value: string }) {
  return <input type="hidden" name={FORM_TOKEN_FIELD} value={value} />;
}
