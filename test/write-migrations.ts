import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';

// Writes the next migration of each engine whose tables have changed. Its name says what the change means.
const { positionals } = parseArgs({ allowPositionals: true });
const [meaning] = positionals;
if (meaning === undefined || !/^[a-z0-9_]+$/.test(meaning)) {
  throw new Error('say what the change means, such as "npm run migration -- runs_one_at_a_time"');
}
for (const config of ['drizzle.config.ts', 'drizzle.postgres.config.ts']) {
  execFileSync('npx', ['drizzle-kit', 'generate', `--config=${config}`, `--name=${meaning}`], {
    stdio: 'inherit',
  });
}
