import type { Config } from 'drizzle-kit';

/** `npm run migration -- <meaning>` writes the next migration after a change of the schema. */
const config: Config = {
  dialect: 'sqlite',
  schema: './src/store/sqlite/schema.ts',
  out: './drizzle/sqlite',
};

// oxlint-disable-next-line import/no-default-export -- drizzle-kit reads the default export
export default config;
