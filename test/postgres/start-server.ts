import type { TestProject } from 'vitest/node';
import { findPostgres } from '../support/postgres-server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of a server that tests may make databases on. */
    postgresUrl: string;
  }
}

/** One server for all test files. */
export default async function startServer(project: TestProject): Promise<() => Promise<void>> {
  const server = await findPostgres();
  project.provide('postgresUrl', server.url);
  return server.stop;
}
