import type { Config } from 'drizzle-kit';

/** The same for Postgres; see drizzle.config.ts. */
const config: Config = {
  dialect: 'postgresql',
  schema: './src/store/postgres/schema.ts',
  out: './drizzle/postgres',
};

// oxlint-disable-next-line import/no-default-export -- drizzle-kit reads the default export
export default config;
