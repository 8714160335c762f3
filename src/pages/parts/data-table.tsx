import type { Child } from 'hono/jsx';
import { Nothing } from './when.js';

export interface TableColumn<Row> {
  readonly name: string;
  readonly cell: (row: Row) => Child;
  readonly isNumber?: boolean;
  /** The row's own name: read out with each of its cells, and its title on narrow screens. */
  readonly isRowHeader?: boolean;
  /** `together`: never broken over lines; `id`: no wider than it must be; `wide`: sentences. */
  readonly width?: 'together' | 'id' | 'wide';
  /** Lights up when it changes while somebody looks; the name that a script finds the cell by. */
  readonly flashAs?: (row: Row) => string | null;
  /** Where the heading leads, for a column that can be sorted by (null: this order cannot be changed). */
  readonly sort?: { readonly href: string | null; readonly direction: 'ascending' | 'descending' | null };
}

interface DataTableProps<Row> {
  readonly caption: string;
  readonly columns: readonly TableColumn<Row>[];
  readonly rows: readonly Row[];
  /** What stands in place of a table without rows. */
  readonly empty: string;
  readonly id?: string;
  /** Tells a row from the others, so that live updates move rows instead of rewriting them. */
  readonly keyOf?: (row: Row) => string;
}

/**
 * A table. Where the page is narrow each row is a card with its headings beside its values. Roles are written out
 * because some browsers forget them when a table is laid out as something else.
 */
export function DataTable<Row>({ caption, columns, rows, empty, id, keyOf }: DataTableProps<Row>) {
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  const canSort = columns.some(({ sort }) => typeof sort?.href === 'string');
  return (
    <div class="scroll" tabindex={0} role="region" aria-label={caption}>
      <table class="rows" role="table" {...(id === undefined ? {} : { id })}>
        <caption class="unseen">{caption}</caption>
        <thead role="rowgroup" class={canSort ? 'sorting' : undefined}>
          <tr role="row">
            {columns.map((column) => (
              <Heading column={column} />
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr role="row" {...(keyOf === undefined ? {} : { 'data-key': keyOf(row) })}>
              {columns.map((column) => (
                <Cell column={column} row={row} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell<Row>({ column, row }: { readonly column: TableColumn<Row>; readonly row: Row }) {
  const content = column.cell(row);
  const shown = content === null || content === undefined || content === '' ? <Nothing /> : content;
  if (column.isRowHeader === true) {
    return (
      <th scope="row" role="rowheader">
        {shown}
      </th>
    );
  }
  const flash = column.flashAs?.(row) ?? null;
  return (
    <td
      role="cell"
      class={classOf(column)}
      data-label={column.name}
      {...(flash === null ? {} : { 'data-flash': true, 'data-attribute': flash })}
    >
      {shown}
    </td>
  );
}

function Heading<Row>({ column }: { readonly column: TableColumn<Row> }) {
  const { name, sort } = column;
  if (sort === undefined) {
    return (
      <th scope="col" role="columnheader" class={classOf(column)}>
        {name}
      </th>
    );
  }
  const { href, direction } = sort;
  return (
    <th
      scope="col"
      role="columnheader"
      class={classOf(column)}
      {...(direction === null ? {} : { 'aria-sort': direction })}
    >
      {href === null ? name : <a href={href}>{name}</a>}
      <span class="arrow" aria-hidden="true">
        {direction === null ? '↕' : direction === 'ascending' ? '↑' : '↓'}
      </span>
    </th>
  );
}

function classOf<Row>({ isNumber, width }: TableColumn<Row>): string | undefined {
  return isNumber === true ? 'number' : width;
}
