import { z } from 'zod';

/*
 * What rows are made of. A row's schema says three things at once: the JSON of a row, its part of the API description,
 * and the columns of the CSV (see `csv.ts`).
 */

/** Unix seconds in JSON, ISO 8601 with the report zone's offset in CSV. */
export const instant = z.int().meta({ description: 'Unix seconds' });
/** The instant of a date-only attribute; its date stands beside it as `…On`, because this one names none. */
export const heldDateColumn = instant.meta({
  description:
    'Enrolled Date as Intercom holds it, Unix seconds: 00:00:00 UTC for a date-only value. Take the date from the …On field beside it.',
});
export const date = z.string().meta({ format: 'date' });
export const days = z.int().min(0);
export const count = z.int().min(0);

export const memberFields = {
  memberId: z
    .string()
    .meta({ description: 'User ID, or the Intercom contact id where the User ID is empty' }),
  contactId: z.string().meta({ description: 'Intercom contact id' }),
  memberName: z.string().nullable(),
  memberEmail: z.string().nullable(),
  client: z.string().nullable().meta({ description: 'Employer' }),
} as const;
