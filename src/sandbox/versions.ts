/**
 * API versions the sandbox speaks: those that this product supports. Of 2.17, which has no official description yet, it
 * knows what the changelog says of contact dates; everything else is as in 2.16.
 */
const API_VERSIONS = ['2.10', '2.11', '2.12', '2.13', '2.14', '2.15', '2.16', '2.17'] as const;
export type ApiVersion = (typeof API_VERSIONS)[number];

/** The version that `Intercom-Version` names, or null when Intercom would not know it. */
export function parseVersion(header: string): ApiVersion | null {
  return API_VERSIONS.find((version) => version === header.trim()) ?? null;
}

/** True for `version` = `since` and everything newer. */
export function isSince(version: ApiVersion, since: ApiVersion): boolean {
  return API_VERSIONS.indexOf(version) >= API_VERSIONS.indexOf(since);
}
