import { AppError } from '../errors.js';
import { whyNotTheSame, type OwnSettings } from './ports/service-settings.js';

/*
 * What processes on one database have to agree on: which generation of the program works out the columns of reports, and
 * the settings of the service.
 */

/** Raise it when a derived column is added or worked out otherwise: the next start fills it for all rows there are. */
export const DERIVED_BY = 4;

/** What the database was left with; `report_time_zone` is null before the first start. */
export interface LeftSettings extends Pick<Parameters<typeof whyNotTheSame>[1], 'timeZone' | 'settings'> {
  readonly derivedBy: unknown;
}

/**
 * For a process that must not change what a service stands on; a new database it may begin.
 * @throws AppError `config_invalid` or `store_unavailable`
 */
export function refuseOtherSettings(own: OwnSettings, left: LeftSettings): void {
  if (left.timeZone === null) return;
  refuseOtherGeneration(left.derivedBy);
  const why = whyNotTheSame(own, left);
  if (why !== null) throw settingsRefused(why);
}

/** @throws AppError `store_unavailable` when the derived columns are not those that this program knows. */
export function refuseOtherGeneration(derivedBy: unknown): void {
  if (derivedBy === DERIVED_BY) return;
  const isNewer = typeof derivedBy === 'number' && derivedBy > DERIVED_BY;
  throw new AppError(
    'store_unavailable',
    'never',
    isNewer
      ? 'the database has been used by a newer version of this program: start that version'
      : 'the database was last used by an older version of this program: start the service once',
  );
}

/** For commands: only a start of the service brings a database in step with other settings. */
export function settingsRefused(why: string): AppError {
  return new AppError(
    'config_invalid',
    'never',
    `${why}: set it to that (the service's own environment file has it), or start the service once with the new one`,
  );
}

/**
 * Why a process that opened the database must not use it any more; null while all is well.
 * @param age see `schema-age.ts`
 */
export function whyTakenOver(
  age: number,
  own: OwnSettings,
  left: Omit<LeftSettings, 'derivedBy'>,
): string | null {
  return age > 0
    ? 'the database has been taken over by a newer version of this program'
    : whyNotTheSame(own, left);
}

/** Why this process must not use the database any more, as an error of what was asked. */
export function unfit(why: string): AppError {
  return new AppError('store_unavailable', 'later', why);
}
