import type { AnyColumns, Column } from './describe-table.js';

/** What drizzle has to know of described columns to infer the types of rows; the same for every engine. */
export type DrizzleColumns<TableName extends string, Columns extends AnyColumns> = {
  [Key in keyof Columns]: Columns[Key] extends Column<infer Data, infer IsNotNull, infer HasDefault>
    ? {
        name: string;
        tableName: TableName;
        dataType: 'custom';
        columnType: 'Described';
        data: Data;
        driverParam: unknown;
        notNull: IsNotNull;
        hasDefault: HasDefault;
        isPrimaryKey: false;
        isAutoincrement: false;
        hasRuntimeDefault: false;
        enumValues: undefined;
        baseColumn: never;
        identity: undefined;
        generated: undefined;
      }
    : never;
};
