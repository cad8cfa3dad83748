/**
 * Loaded into a process by `node --import`, it answers each message of its parent with how many timers
 * wait in it. Node itself only tells of timers that keep a process alive, and ours do not. JavaScript, as
 * Node would load its TypeScript compiler into the process that is measured.
 */
import { createHook } from 'node:async_hooks';

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

process.on('message', () => process.send({ timers: timers.size }));
// A message may come at any time, but the process does not live for it.
process.channel.unref();
