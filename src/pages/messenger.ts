import { sign } from 'hono/jwt';
import { nowAt, type Clock } from '../clock.js';
import type { IntercomRegion } from './content-security.js';

/** Who the Intercom Messenger is told to talk to. */
export interface MessengerSettings {
  /** `INTERCOM_APP_ID`; null: no Messenger. */
  readonly appId: string | null;
  /** `INTERCOM_MESSENGER_SECRET`; null: the Messenger knows nobody, people are visitors. */
  readonly secret: string | null;
  readonly region: IntercomRegion;
}

export interface MessengerBoot {
  readonly appId: string;
  readonly region: IntercomRegion;
  readonly userJwt: string | null;
}

const HOUR_SECONDS = 3600;

/**
 * What a page tells the Messenger. The person is known by the token they signed in with, never by a name. The JWT (HS256, Intercom's current identity verification) is signed here, so a browser can't claim to
 * be somebody else; it stays the same for an hour and is good for two at most.
 */
export async function bootMessenger(
  settings: MessengerSettings,
  personId: string,
  clock: Clock,
): Promise<MessengerBoot | null> {
  const { appId, secret, region } = settings;
  if (appId === null) return null;
  if (secret === null) return { appId, region, userJwt: null };
  const hourAt = nowAt(clock) - (nowAt(clock) % HOUR_SECONDS);
  const claims = { user_id: `reports-${personId}`, exp: hourAt + 2 * HOUR_SECONDS };
  const userJwt = await sign(claims, secret, 'HS256');
  return { appId, region, userJwt };
}

/** The Messenger's name for the region of an API address; it says `ap` where the API says `au`. */
export function regionOf(apiBase: string): IntercomRegion {
  const { hostname } = new URL(apiBase);
  if (hostname === 'api.eu.intercom.io') return 'eu';
  return hostname === 'api.au.intercom.io' ? 'ap' : 'us';
}
