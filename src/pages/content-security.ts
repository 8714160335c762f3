/** Nothing but our own files; no inline script or style, no frames. */
const OWN = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'connect-src': ["'self'"],
  'form-action': ["'self'"],
  'frame-ancestors': ["'none'"],
  'base-uri': ["'none'"],
} as const;

export type IntercomRegion = 'us' | 'eu' | 'ap';

/**
 * What the Intercom Messenger needs besides, from Intercom's article "Using Intercom with Content Security Policy"
 * (intercom.com/help/en/articles/3894), without its video hosts and help-center forms, which these pages have no use
 * for. It styles itself inline.
 */
const API_HOSTS: Readonly<Record<IntercomRegion, readonly string[]>> = {
  us: ['api-iam.intercom.io', 'nexus-websocket-a.intercom.io', 'nexus-websocket-b.intercom.io'],
  eu: ['api-iam.eu.intercom.io', 'nexus-europe-websocket.intercom.io'],
  ap: ['api-iam.au.intercom.io', 'nexus-australia-websocket.intercom.io'],
};
const UPLOAD_HOSTS: Readonly<Record<IntercomRegion, string>> = {
  us: 'https://uploads.intercomcdn.com',
  eu: 'https://uploads.intercomcdn.eu',
  ap: 'https://uploads.au.intercomcdn.com',
};

/** The policy of a page; `region` is where the Messenger's workspace lives, null for a page without Messenger. */
export function contentSecurityPolicy(region: IntercomRegion | null): string {
  const more: Readonly<Record<string, readonly string[]>> = region === null ? {} : messengerSources(region);
  const names = new Set([...Object.keys(OWN), ...Object.keys(more)]);
  const own: Readonly<Record<string, readonly string[]>> = OWN;
  return [...names].map((name) => [name, ...(own[name] ?? []), ...(more[name] ?? [])].join(' ')).join('; ');
}

function messengerSources(region: IntercomRegion): Readonly<Record<string, readonly string[]>> {
  const sockets = [...API_HOSTS[region], '*.intercom-messenger.com'];
  return {
    'script-src': ['https://widget.intercom.io', 'https://js.intercomcdn.com'],
    'style-src': ["'unsafe-inline'"],
    'connect-src': [
      'https://via.intercom.io',
      'https://api-ping.intercom.io',
      ...sockets.flatMap((host) => [`https://${host}`, `wss://${host}`]),
      UPLOAD_HOSTS[region],
      'https://uploads.intercomusercontent.com',
    ],
    'img-src': [
      'blob:',
      'https://js.intercomcdn.com',
      'https://static.intercomassets.com',
      'https://downloads.intercomcdn.com',
      'https://uploads.intercomusercontent.com',
      'https://gifs.intercomcdn.com',
      'https://messenger-apps.intercom.io',
    ],
    'font-src': ['https://js.intercomcdn.com', 'https://fonts.intercomcdn.com'],
    'media-src': ['https://js.intercomcdn.com', 'https://downloads.intercomcdn.com'],
    'frame-src': ['https://intercom-sheets.com'],
    'worker-src': ['blob:'],
  };
}
