import type { Dialect } from '../report-sql/dialect.js';
import { SQLITE_PREDICATES } from './make-table.js';

export const SQLITE_DIALECT: Dialect = {
  ...SQLITE_PREDICATES,
  // A list is bound as JSON.
  inList: (column, name) => `${column} in (select value from json_each(@${name}))`,
  joinTexts: (text) => `group_concat(${text})`,
  // One form is right for both: each row is looked up along an index.
  exists: (from) => `exists (select 1 ${from})`,
  isAmong: (column, other, from) => `${column} in (select ${other} ${from})`,
  rowKey: 'rowid',
  joinInOrder: 'cross join',
  byIndex: (index) => `indexed by ${index}`,
  dataVersion: "select value from meta where name = 'data_version'",
  // Another number as soon as another connection has committed anything.
  commitMark: 'pragma data_version',
};
