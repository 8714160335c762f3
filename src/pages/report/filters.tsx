import { fold } from '../../rules/text.js';
import type { FilterChoices } from '../../store/ports/reports.js';
import type { TableAddress } from './address.js';

/** One field of the form above a report; its name is the report's own. */
export type Filter =
  | {
      readonly kind: 'number';
      readonly name: string;
      readonly label: string;
      readonly min: number;
      readonly max: number;
      readonly fallback: number;
    }
  | {
      readonly kind: 'date' | 'month';
      readonly name: string;
      readonly label: string;
      /** Where the report says what it takes by itself; left out: the field begins empty. */
      readonly from?: string;
    }
  | {
      readonly kind: 'choices';
      readonly name: string;
      readonly label: string;
      readonly choices: (all: FilterChoices) => readonly Choice[];
    };

export interface Choice {
  readonly value: string;
  readonly name: string;
}

interface FiltersProps {
  readonly filters: readonly Filter[];
  readonly address: TableAddress;
  readonly choices: FilterChoices;
  /** The filters as the report understood them. */
  readonly understood: Readonly<Record<string, unknown>>;
  /** Names of fields whose values cannot be answered. */
  readonly wrong?: ReadonlySet<string>;
}

/** Where the sentences about wrong values stand. */
export const WRONG_ID = 'wrong';

export const ROWS_PER_PAGE = [25, 50, 100] as const;
export const DEFAULT_ROWS = 50;
/** More boxes than this help nobody, and are slow to load: then a value is typed. */
const MAX_BOXES = 200;

/** The filters as a form of the address: what is shown can be bookmarked and sent to others. */
export function Filters({ filters, address, choices, understood, wrong = new Set() }: FiltersProps) {
  const { fields, sort } = address;
  const asked = Number(fields.get('limit')?.[0]);
  const limit = ROWS_PER_PAGE.find((rows) => rows === asked) ?? DEFAULT_ROWS;
  return (
    <form class="filters" method="get" action={address.path} aria-label="Filters">
      {filters.map((filter) => (
        <Field
          filter={filter}
          values={fields.get(filter.name) ?? []}
          choices={choices}
          understood={understood}
          isWrong={wrong.has(filter.name)}
        />
      ))}
      <label>
        Rows
        <select name="limit">
          {ROWS_PER_PAGE.map((rows) => (
            <option value={String(rows)} selected={rows === limit}>
              {rows}
            </option>
          ))}
        </select>
      </label>
      {sort !== null && (
        <>
          <input type="hidden" name="sort" value={sort.column} />
          <input type="hidden" name="direction" value={sort.direction} />
        </>
      )}
      <button type="submit">Show</button>
      {fields.size > 0 && <a href={address.path}>Reset</a>}
    </form>
  );
}

interface FieldProps {
  readonly filter: Filter;
  readonly values: readonly string[];
  readonly choices: FilterChoices;
  readonly understood: Readonly<Record<string, unknown>>;
  readonly isWrong: boolean;
}

function Field({ filter, values, choices, understood, isWrong }: FieldProps) {
  const { name, label } = filter;
  const problem = isWrong ? { 'aria-invalid': 'true' as const, 'aria-describedby': WRONG_ID } : {};
  if (filter.kind !== 'choices') {
    const range = filter.kind === 'number' ? { min: filter.min, max: filter.max } : {};
    return (
      <label>
        {label}
        <input
          type={filter.kind}
          name={name}
          value={values[0] ?? defaultOf(filter, understood)}
          {...range}
          {...problem}
        />
      </label>
    );
  }
  const all = filter.choices(choices);
  if (all.length > MAX_BOXES) {
    return (
      <label>
        {label}
        <input type="text" name={name} value={values[0] ?? ''} {...problem} />
      </label>
    );
  }
  return <Choices label={label} name={name} all={all} values={values} />;
}

/** What the report takes where the address says nothing. */
function defaultOf(
  filter: Exclude<Filter, { readonly kind: 'choices' }>,
  understood: Readonly<Record<string, unknown>>,
): string {
  if (filter.kind === 'number') return String(filter.fallback);
  const value = filter.from === undefined ? undefined : understood[filter.from];
  return typeof value === 'string' ? value : '';
}

interface ChoicesProps {
  readonly label: string;
  readonly name: string;
  readonly all: readonly Choice[];
  readonly values: readonly string[];
}

/** Any number of boxes in a drawer that opens without script. Values that an address names are always there. */
function Choices({ label, name, all, values }: ChoicesProps) {
  const chosen = new Set(values.map(fold));
  const isChosen = (choice: Choice): boolean =>
    chosen.has(fold(choice.value)) || chosen.has(fold(choice.name));
  const known = new Set(all.flatMap((choice) => [fold(choice.value), fold(choice.name)]));
  const others = values.filter((value) => !known.has(fold(value)));
  const boxes = [...others.map((value) => ({ value, name: value })), ...all];
  const first = boxes.find(isChosen);
  return (
    <details class="choices">
      <summary>
        {label}: {summaryOf(first, boxes.filter(isChosen).length)}
      </summary>
      <fieldset>
        <legend class="unseen">{label}</legend>
        {boxes.length === 0 && <p class="empty">There is nothing to choose from.</p>}
        {boxes.map((choice) => (
          <label>
            <input type="checkbox" name={name} value={choice.value} checked={isChosen(choice)} />
            {choice.name}
          </label>
        ))}
      </fieldset>
    </details>
  );
}

function summaryOf(first: Choice | undefined, count: number): string {
  if (first === undefined) return 'all';
  return count === 1 ? first.name : `${first.name} and ${count - 1} more`;
}
