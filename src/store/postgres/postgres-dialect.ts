import type { Dialect } from '../report-sql/dialect.js';
import { POSTGRES_PREDICATES } from './make-table.js';

export const POSTGRES_DIALECT: Dialect = {
  ...POSTGRES_PREDICATES,
  inList: (column, name) => `${column} = any (@${name})`,
  joinTexts: (text) => `string_agg(${text}, ',')`,
  // For `exists` the planner may first collect all such rows there are, as it does not reckon with the page's limit: billing's
  // first page took 120 ms instead of 3 (100,000 members, a million conversations). For a count, which meets all members,
  // just that is right: 200 ms instead of 600. A subquery with a limit is always looked up for each row.
  exists: (from, askedFor) =>
    askedFor === 'page' ? `(select true ${from} limit 1) is not null` : `exists (select 1 ${from})`,
  // `is true` keeps it from becoming a join, whose rows the planner takes for thrice as many as a coach's members are: it then
  // looked up the sessions of each member in turn for a page, in 114 ms instead of 22.
  isAmong: (column, other, from) => `(exists (select 1 ${from} and ${other} = ${column})) is true`,
  // What leads to a row otherwise (ctid) changes with each update.
  rowKey: 'id',
  // The planner knows how many rows there are, and takes no advice.
  joinInOrder: 'join',
  byIndex: () => '',
  dataVersion: "select value from meta where name = 'data_version'",
  // There is none that costs less than the coaches, of whom there are some dozens.
  commitMark: null,
};
