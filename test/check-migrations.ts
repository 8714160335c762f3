import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

// `drizzle-kit generate` writes a migration exactly when the schema has moved on from the last one. It is let loose on
// a copy, so that a check never changes the tree.
const scratch = mkdtempSync(join(tmpdir(), 'migrations-'));
try {
  cpSync('drizzle/sqlite', scratch, { recursive: true });
  const before = readdirSync(scratch);
  const out = relative(process.cwd(), scratch);
  execFileSync(
    'npx',
    [
      'drizzle-kit',
      'generate',
      '--dialect=sqlite',
      '--schema=./src/store/sqlite/schema*.ts',
      `--out=./${out}`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const made = readdirSync(scratch).filter((file) => !before.includes(file));
  if (made.length > 0) {
    process.stderr.write(
      'The schema has changes without a migration: run "npm run migration -- <meaning>".\n',
    );
    process.exitCode = 1;
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
