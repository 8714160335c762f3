/*
 * `disk-load.ts <file>`: writes and forces to disk without a pause, as `dd oflag=dsync` does, until it is stopped.
 */
import { fdatasyncSync, openSync, writeSync } from 'node:fs';

const PIECE_BYTES = 1024 * 1024;
const MAX_BYTES = 256 * PIECE_BYTES;

const [path = ''] = process.argv.slice(2);
const file = openSync(path, 'w');
const piece = Buffer.alloc(PIECE_BYTES, 'disk load ');
console.log(`listening ${path}`);
for (let at = 0; ; at = (at + PIECE_BYTES) % MAX_BYTES) {
  writeSync(file, piece, 0, PIECE_BYTES, at);
  fdatasyncSync(file);
}
