import type { Child } from 'hono/jsx';
import { Nothing } from './when.js';

export interface TableColumn<Row> {
  readonly name: string;
  readonly cell: (row: Row) => Child;
  readonly isNumber?: boolean;
  /** The row's own name: read out with each of its cells. */
  readonly isRowHeader?: boolean;
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
}

/** A table that scrolls sideways by itself where the page is narrow; its region can be reached by keyboard. */
export function DataTable<Row>({ caption, columns, rows, empty, id }: DataTableProps<Row>) {
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  return (
    <div class="scroll" tabindex={0} role="region" aria-label={caption}>
      <table {...(id === undefined ? {} : { id })}>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Heading column={column} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {columns.map((column) =>
                column.isRowHeader === true ? (
                  <th scope="row">{shown(column.cell(row))}</th>
                ) : (
                  <td class={column.isNumber === true ? 'number' : undefined}>{shown(column.cell(row))}</td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Heading<Row>({ column }: { readonly column: TableColumn<Row> }) {
  const { name, sort } = column;
  const className = column.isNumber === true ? 'number' : undefined;
  if (sort === undefined) {
    return (
      <th scope="col" class={className}>
        {name}
      </th>
    );
  }
  const { href, direction } = sort;
  return (
    <th scope="col" class={className} {...(direction === null ? {} : { 'aria-sort': direction })}>
      {href === null ? name : <a href={href}>{name}</a>}
      <span class="arrow" aria-hidden="true">
        {direction === null ? '↕' : direction === 'ascending' ? '↑' : '↓'}
      </span>
    </th>
  );
}

function shown(cell: Child): Child {
  return cell === null || cell === undefined || cell === '' ? <Nothing /> : cell;
}
