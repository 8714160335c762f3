/**
 * What the app must be allowed to do, by the names of Intercom's Developer Hub. Which one covers looking at data
 * attributes is not documented; every app that may list people has been seen to be let.
 */
export const SCOPES = {
  readContacts: 'Read and list users and companies',
  writeContacts: 'Write users and companies',
  readConversations: 'Read conversations',
  readAdmins: 'Read admins',
  /** Only for `doctor --fix`. */
  writeAttributes: 'Write data attributes',
} as const;
export type Scope = (typeof SCOPES)[keyof typeof SCOPES];
