// The program of the thread that `checkpoints.ts` starts. It imports nothing of ours, so that Node can run it as it is,
// built or not.
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';

const sqlite = new Database(String(workerData), { fileMustExist: true, timeout: 0 });
sqlite.pragma('synchronous = NORMAL');
parentPort?.on('message', () => {
  try {
    sqlite.pragma('wal_checkpoint(PASSIVE)');
  } catch {
    // A full disk, or another program that holds the file: what is in the log stays readable from there.
  }
  parentPort?.postMessage('done', []);
});
