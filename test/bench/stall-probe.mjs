/**
 * Loaded into a process by `node --import`, it answers each message of its parent with how long its event
 * loop stood still since the message before: milliseconds, the 99th percentile and the longest. Asked to
 * leave the process alone, it looks no more.
 * JavaScript, as Node would load its TypeScript compiler into the process that is measured.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const beatMs = 5;
const delay = monitorEventLoopDelay({ resolution: beatMs });
delay.enable();
const beyondTheBeat = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - beatMs);

process.on('message', ({ leaveAlone }) => {
  if (leaveAlone) {
    // 200 wake-ups a second, which would be most of what an idle operator does.
    delay.disable();
    return;
  }
  process.send({ p99: beyondTheBeat(delay.percentile(99)), max: beyondTheBeat(delay.max) });
  delay.reset();
});
// A message may come at any time, but the process does not live for it.
process.channel.unref();
