// Loaded into the service by `bench -- soak` (`node --import`): SIGUSR2 collects all garbage, so that what lives in
// memory can be measured whatever the machine's memory makes V8 do.
import { setFlagsFromString } from 'node:v8';
import { isMainThread } from 'node:worker_threads';
import { runInNewContext } from 'node:vm';

if (isMainThread) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  process.on('SIGUSR2', () => collect());
}
