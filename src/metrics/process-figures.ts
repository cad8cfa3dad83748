import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What a process costs. */
export interface ProcessFigures {
  /** CPU time since the start, in seconds. */
  cpuSeconds(): number;
  /** How long the process has run, in seconds. */
  uptimeSeconds(): number;
  /** In bytes. */
  memory(): { readonly resident: number; readonly heap: number; readonly external: number };
  /** How much later than due timers ran since the last call, in seconds. */
  eventLoopDelay(): { readonly p50: number; readonly p99: number; readonly max: number };
}

/** Often enough to notice what a person would, and no load: 50 wake-ups a second without JavaScript. */
const resolutionMs = 20;

/** Begins to observe this process. */
export function thisProcess(): ProcessFigures {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs });
  delays.enable();
  // What is recorded is the time between two ticks, in nanoseconds.
  const seconds = (nanoseconds: number) =>
    Math.max(0, nanoseconds / 1e9 - resolutionMs / 1_000) || 0;
  return {
    cpuSeconds: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
    uptimeSeconds: () => process.uptime(),
    memory: () => {
      const { rss, heapUsed, external } = process.memoryUsage();
      return { resident: rss, heap: heapUsed, external };
    },
    eventLoopDelay: () => {
      const told = {
        p50: seconds(delays.percentile(50)),
        p99: seconds(delays.percentile(99)),
        max: seconds(delays.max),
      };
      delays.reset();
      return told;
    },
  };
}
