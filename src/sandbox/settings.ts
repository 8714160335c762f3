import { systemClock, type Clock } from '../clock.js';
import type { Scope } from '../intercom/scopes.js';
import type { ApiVersion } from './versions.js';

/** How this workspace behaves. Where Intercom's behavior is not documented there is a switch for either answer. */
export interface WorkspaceSettings {
  readonly clock: Clock;
  /** The workspace's time zone (`GET /me` → `app.timezone`): day-granular search counts days in it. */
  readonly timeZone: string;
  /** What `GET /me` says of the time zone, where that is not its name. */
  readonly shownTimeZone?: unknown;
  /** `GET /me` → `app.id_code`, and `app_id` of every notification. */
  readonly appId: string;
  readonly token: string;
  /** What the app has not been allowed to do. */
  readonly missingScopes: readonly Scope[];
  /** How a call without its scope is refused: the descriptions have both. */
  readonly scopeRefusal: 401 | 403;
  /** Webhooks are signed with this one. */
  readonly clientSecret: string;
  /** The version set for the app: used without `Intercom-Version` header, and for webhook payloads. */
  readonly appVersion: ApiVersion;
  /** Calls allowed in each window. Intercom: 10,000 a minute, spread over windows of 10 s. */
  readonly rateLimit: { readonly perWindow: number; readonly windowMs: number };
  /** How far the search index lags behind; reading by id is always current. */
  readonly searchLagMs: number;
  /**
   * `day`: contact dates match by calendar day in the workspace's zone, as documented up to 2.16. `second`: by the second,
   * and date attributes by day in UTC, as from 2.17 on.
   */
  readonly contactSearchDates: 'by-version' | 'day' | 'second';
  readonly conversationSearchDates: 'day' | 'second';
  /** Intercom's table says "greater (or equal)", connectors found it strict. */
  readonly conversationSearchBounds: 'strict' | 'or-equal';
  /** `day` cuts date attributes to 00:00 UTC when they are stored. */
  readonly dateStorage: 'as-sent' | 'day';
  /** Whether the refusal of an update says which attribute it is about: Intercom's exact words are not documented. */
  readonly namesRefusedAttribute: boolean;
  /** Whether a cleared attribute disappears from `custom_attributes` or stays there as null. */
  readonly clearedAttributes: 'absent' | 'null';
  /** Whether `statistics.last_close_at` is already filled in the notification of the close. */
  readonly closeTimeInWebhook: boolean;
  /** How times inside webhook contacts and webhook statistics are written. */
  readonly webhookTimes: 'iso' | 'unix';
  /** Which updates through the API come back as `contact.user.updated`. */
  readonly echo: 'always' | 'changes' | 'never';
  /** Whether setting conversation attributes moves the conversation's `updated_at`. */
  readonly attributesMoveUpdatedAt: boolean;
  /** Whether `contact.merged` names the absorbed contact. */
  readonly mergedFrom: boolean;
  readonly unarchiveTopic: 'contact.unarchived' | 'contact.unarchive';
  readonly archivedById: 'found' | 'gone';
  readonly archivedInSearch: boolean;
  /** Longest list that IN and NIN take. Not documented: as short as an OR group, which they abbreviate. */
  readonly inLimit: number;
  /** How long each answer takes. */
  readonly latencyMs: number;
  /** Seed of everything random: faults by probability, coaches at work. */
  readonly seed: number;
  /** Time from a failed delivery to its only repetition. */
  readonly redeliverAfterMs: number;
  readonly deliveryTimeoutMs: number;
  /** Whether the repetition carries the same notification id. */
  readonly redeliveryKeepsId: boolean;
  /** Longest kept tail of the call and delivery logs; their counters stay exact. */
  readonly logLength: number;
}

export type WorkspaceOptions = Partial<WorkspaceSettings>;

/** Fills in what `options` leaves open, with Intercom's documented behavior first and the harsher one otherwise. */
export function completeSettings(options: WorkspaceOptions): WorkspaceSettings {
  return {
    clock: systemClock,
    timeZone: 'America/New_York',
    appId: 'sandbox1',
    token: 'sandbox-token',
    missingScopes: [],
    scopeRefusal: 401,
    clientSecret: 'sandbox-client-secret',
    appVersion: '2.14',
    rateLimit: { perWindow: 1666, windowMs: 10_000 },
    searchLagMs: 0,
    contactSearchDates: 'by-version',
    conversationSearchDates: 'second',
    conversationSearchBounds: 'strict',
    dateStorage: 'as-sent',
    namesRefusedAttribute: true,
    clearedAttributes: 'absent',
    closeTimeInWebhook: true,
    webhookTimes: 'iso',
    echo: 'always',
    attributesMoveUpdatedAt: true,
    mergedFrom: true,
    unarchiveTopic: 'contact.unarchived',
    archivedById: 'found',
    archivedInSearch: false,
    inLimit: 15,
    latencyMs: 0,
    seed: 1,
    redeliverAfterMs: 60_000,
    deliveryTimeoutMs: 5_000,
    redeliveryKeepsId: true,
    logLength: 20_000,
    ...options,
  };
}
