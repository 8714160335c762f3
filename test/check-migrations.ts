import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import postgres from '../drizzle.postgres.config.js';
import sqlite from '../drizzle.config.js';

for (const { dialect, schema, out } of [sqlite, postgres]) {
  if (typeof schema !== 'string' || out === undefined) throw new TypeError('a configuration without places');
  if (!isInStep(dialect, schema, out)) {
    process.stderr.write(
      `The tables have changes without a migration in ${out}: run "npm run migration -- <meaning>".\n`,
    );
    process.exitCode = 1;
  }
}

/**
 * `drizzle-kit generate` writes a migration exactly when the schema has moved on from the last one. It is let loose on a
 * copy, so that a check never changes the tree.
 */
function isInStep(dialect: string, schema: string, migrations: string): boolean {
  const scratch = mkdtempSync(join(tmpdir(), 'migrations-'));
  try {
    cpSync(migrations, scratch, { recursive: true });
    const before = readdirSync(scratch);
    const out = relative(process.cwd(), scratch);
    execFileSync(
      'npx',
      ['drizzle-kit', 'generate', `--dialect=${dialect}`, `--schema=${schema}`, `--out=./${out}`],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    return readdirSync(scratch).every((file) => before.includes(file));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
