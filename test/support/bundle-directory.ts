import { resolve } from 'node:path';

/** As deep in the package as `dist/store/sqlite`, so that the program finds its migrations from here too. */
export const BUNDLE_DIRECTORY = resolve('node_modules/.cache/command-line');
