/** Settings of the service that decide what is written to Intercom; whatever else works on its database must share them. */
export interface ServiceSettings {
  readonly eligibleProgramsByReferral: Readonly<Record<string, string>>;
  readonly dryRun: boolean;
}

/** What a process works with that has to be the same for all that work on one database. */
export interface OwnSettings {
  readonly timeZone: string;
  /** Left out by what decides and writes nothing. */
  readonly settings?: ServiceSettings | undefined;
}

/**
 * Why a process with these settings must not work on a database that was left with those: it would work out dates and
 * decide members otherwise than the service does, or send what the service holds back. Null when they agree.
 */
export function whyNotTheSame(
  own: OwnSettings,
  left: { readonly timeZone: string | null; readonly settings: ServiceSettings | null },
): string | null {
  const { settings } = own;
  if (left.timeZone !== null && left.timeZone !== own.timeZone) {
    return differs('REPORT_TIMEZONE', own.timeZone, left.timeZone);
  }
  if (settings === undefined || left.settings === null) return null;
  if (left.settings.dryRun !== settings.dryRun) {
    return differs('DRY_RUN', String(settings.dryRun), String(left.settings.dryRun));
  }
  const [mine, theirs] = [settings, left.settings].map((one) => asText(one.eligibleProgramsByReferral));
  if (mine === theirs) return null;
  return differs('ELIGIBLE_PROGRAMS_BY_REFERRAL', mine ?? '', theirs ?? '');
}

/** A mapping may have any length. */
const MAX_SHOWN = 500;

function differs(name: string, own: string, left: string): string {
  const [mine, theirs] = [own, left].map((text) =>
    text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text,
  );
  return `${name} is ${mine} here, but the service uses this database with ${theirs}`;
}

function asText(programs: ServiceSettings['eligibleProgramsByReferral']): string {
  return JSON.stringify(
    Object.fromEntries(Object.entries(programs).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  );
}
