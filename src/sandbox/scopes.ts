import { SCOPES, type Scope } from '../intercom/scopes.js';
import { Refusal } from './refusal.js';
import type { WorkspaceSettings } from './settings.js';

/** Which calls need which scope; the first line that fits counts. `GET /me` needs none. */
const NEEDS: readonly (readonly [RegExp, Scope])[] = [
  [/^GET \/admins$/, SCOPES.readAdmins],
  [/^PUT \/contacts\//, SCOPES.writeContacts],
  [/^\w+ \/contacts\b/, SCOPES.readContacts],
  [/^\w+ \/conversations\b/, SCOPES.readConversations],
  [/^POST \/data_attributes$/, SCOPES.writeAttributes],
  [/^GET \/data_attributes$/, SCOPES.readContacts],
];

/** Asked before the object is looked for, so that a caller without the scope can't learn which ones exist. */
export function refusalOfScope(settings: WorkspaceSettings, method: string, path: string): Refusal | null {
  const needed = NEEDS.find(([pattern]) => pattern.test(`${method} ${path}`))?.[1];
  if (needed === undefined || !settings.missingScopes.includes(needed)) return null;
  return settings.scopeRefusal === 401
    ? new Refusal(401, 'token_unauthorized', 'Not authorized to access resource')
    : new Refusal(403, 'forbidden', 'Forbidden request');
}
