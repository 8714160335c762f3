#!/usr/bin/env node
import { isNodeTooOld, MIN_NODE } from './version.js';

if (isNodeTooOld(process.versions.node)) {
  process.stderr.write(
    `Node ${MIN_NODE} or newer is needed, and this is ${process.versions.node}. npm scripts bring their own: ` +
      `run "npm start", "npm run sandbox", or any command as npm exec -c 'node dist/main.js <command>'.\n`,
  );
  process.exit(1);
}

// Loaded only now: everything below the command line may load better-sqlite3.
const [{ systemClock }, { runCommandLine }, { readProcessEnvironment }] = await Promise.all([
  import('./clock.js'),
  import('./cli/program.js'),
  import('./config/environment.js'),
]);

process.exit(
  await runCommandLine(process.argv.slice(2), {
    environment: readProcessEnvironment,
    clock: systemClock,
    stdout: process.stdout,
    stderr: process.stderr,
  }),
);
