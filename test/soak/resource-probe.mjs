/**
 * Loaded into a process by `node --import`, it answers each message of its parent with how many timers
 * wait in it, and how many bytes are alive on its heap after a collection. Node itself only tells of timers
 * that keep a process alive, and ours do not. JavaScript, as Node would load its TypeScript compiler into
 * the process that is measured.
 */
import { createHook } from 'node:async_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const timers = new Set();
createHook({
  init(id, type) {
    if (type === 'Timeout') timers.add(id);
  },
  destroy(id) {
    timers.delete(id);
  },
  // They are many and no timers.
  trackPromises: false,
}).enable();

// The image's flags are to stay what they are, and contexts made before keep no `gc`.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

process.on('message', () => {
  collect();
  process.send({ timers: timers.size, heap: process.memoryUsage().heapUsed });
});
// A message may come at any time, but the process does not live for it.
process.channel.unref();
