import { join } from 'node:path';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.js';
import { describeStore } from './store-contract/describe-store.js';
import { temporaryDirectory } from './store-contract/temporary-directory.js';

describeStore('SQLite', () =>
  openSqliteStore({ path: join(temporaryDirectory(), 'engagement.db'), timeZone: 'America/New_York' }),
);
