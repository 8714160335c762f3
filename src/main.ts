#!/usr/bin/env node
import { systemClock } from './clock.js';
import { runCommandLine } from './command-line.js';
import { readProcessEnvironment } from './config.js';

process.exit(
  await runCommandLine(process.argv.slice(2), {
    environment: readProcessEnvironment,
    clock: systemClock,
    stdout: process.stdout,
    stderr: process.stderr,
  }),
);
