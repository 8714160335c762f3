import { keepLive } from './live.js';

const everyMs = Number(document.body.dataset['liveEveryMs'] ?? 0);
if (everyMs > 0) keepLive(everyMs);
