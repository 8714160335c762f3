import type { ServiceSettings } from './service-settings.js';
import type { OtherWorkspaces } from './queries.js';
import type { ServerFacts } from './server-facts.js';

/** What can be learned of the database without changing it. Only a database of a server has a `server`. */
export type DatabaseFacts =
  /** No file, or a database without tables: the first start makes them. */
  | { readonly kind: 'missing'; readonly server?: ServerFacts }
  /** `why` continues a sentence: "it can't be used: …". */
  | { readonly kind: 'unusable'; readonly why: string }
  | {
      readonly kind: 'found';
      readonly server?: ServerFacts;
      /** Which version of this program has brought its tables up to date. */
      readonly usedBy: 'older' | 'same' | 'newer';
      /** The report time zone that its dates were worked out in; null before the first start. */
      readonly timeZone: string | null;
      /** What else the service was started with last; null before that. */
      readonly settings: ServiceSettings | null;
      /** The workspace that it is tied to; null before the first start has reached Intercom. */
      readonly workspaceId: string | null;
      /** When the last notification of Intercom's was stored; null when none ever was. */
      readonly lastWebhookAtMs: number | null;
      /** Null when none ever came. */
      readonly otherWorkspaces: OtherWorkspaces | null;
    };
