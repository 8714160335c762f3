import { join } from 'node:path';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.js';
import { describeStore } from './store-contract/describe-store.js';
import { temporaryFolder } from './store-contract/temporary-folder.js';

describeStore('SQLite', () =>
  openSqliteStore({ path: join(temporaryFolder(), 'engagement.db'), timeZone: 'America/New_York' }),
);
