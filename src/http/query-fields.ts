import { z } from 'zod';
import { isReadableDate, monthWindow } from '../rules/calendar.js';
import { canonical } from '../rules/vocabulary.js';

/*
 * The fields that a report can be asked with. Each is one zod schema that reads a JSON body, query parameters and
 * options of the command line alike: what arrives as text is turned into the JSON type first. Messages continue the
 * sentence "<field> …" and never repeat the value, which may be personal.
 */

const MAX_TEXT = 200;
const MAX_VALUES = 100;

type ErrorOf = (issue: { readonly input?: unknown }) => string;

/** What a wrong type is answered with; a repeated query parameter arrives as a list. */
function once(message: string): ErrorOf {
  return ({ input }) => (Array.isArray(input) ? 'may be given only once' : message);
}

export interface NumberRange {
  readonly min: number;
  readonly max: number;
}

/** `fallback: null` is a number that may be left out. */
function numberSchema({ min, max }: NumberRange) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .int({ error: once(message) })
    .min(min, message)
    .max(max, message);
}

export function wholeNumber(range: NumberRange, fallback: number, description: string) {
  return z.preprocess(numberFromText, numberSchema(range).default(fallback)).meta({ description });
}

export function optionalWholeNumber(range: NumberRange, description: string) {
  return z.preprocess(numberFromText, numberSchema(range).optional()).meta({ description });
}

function numberFromText(value: unknown): unknown {
  return typeof value === 'string' && /^[+-]?\d{1,15}$/.test(value) ? Number(value) : value;
}

export function flag(description: string, fallback = false) {
  const message = 'must be true or false';
  return z
    .preprocess(
      (value) => (value === 'true' ? true : value === 'false' ? false : value),
      z.boolean({ error: once(message) }).default(fallback),
    )
    .meta({ description });
}

export function optionalDate(description: string) {
  const message = 'must be a date that exists, written YYYY-MM-DD, from 1900 to 2199';
  return z
    .string({ error: once(message) })
    .refine(isReadableDate, message)
    .optional()
    .meta({ description, format: 'date' });
}

export function optionalMonth(description: string) {
  const message = 'must be a month written YYYY-MM, such as 2026-10';
  return z
    .string({ error: once(message) })
    .refine((text) => monthWindow(text, 'UTC') !== null, message)
    .optional()
    .meta({ description, pattern: '^\\d{4}-\\d{2}$' });
}

export function optionalText(longest: number, description: string) {
  const message = 'must be text';
  return z
    .string({ error: once(message) })
    .min(1, 'must not be empty; leave it out instead')
    .max(longest, `must have at most ${longest} characters`)
    .optional()
    .meta({ description });
}

export function optionalChoice<Name extends string>(names: readonly Name[], description: string) {
  return z.preprocess(toCanonical(names), choiceSchema(names).optional()).meta({ description });
}

/** One value or several; without any it filters nothing. */
export function choiceList<Name extends string>(names: readonly Name[], description: string) {
  return listOf(z.preprocess(toCanonical(names), choiceSchema(names)), description);
}

/** One value or several; without any it filters nothing. */
export function textList(description: string) {
  const value = z
    .string('must be text, or a list of texts')
    .trim()
    .min(1, 'must not be empty; leave it out instead')
    .max(MAX_TEXT, `must have at most ${MAX_TEXT} characters`);
  return listOf(value, description);
}

function listOf<Item extends z.ZodType>(item: Item, description: string) {
  const list = z
    .array(item, 'must be text, or a list of texts')
    .max(MAX_VALUES, `may have at most ${MAX_VALUES} values`)
    .default([]);
  return z.preprocess((value) => (typeof value === 'string' ? [value] : value), list).meta({ description });
}

function choiceSchema<Name extends string>(names: readonly Name[]) {
  return z.enum(names, { error: once(`must be one of ${names.join(', ')}`) });
}

function toCanonical(names: readonly string[]): (value: unknown) => unknown {
  return (value) => (typeof value === 'string' ? (canonical(names, value) ?? value) : value);
}
