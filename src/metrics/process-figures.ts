import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What a process costs. */
export interface ProcessFigures {
  /** CPU time since the start, in seconds. */
  cpuSeconds(): number;
  /** How long the process has run, in seconds. */
  uptimeSeconds(): number;
  /** In bytes. */
  memory(): { readonly resident: number; readonly heap: number; readonly external: number };
  /** How much later than due timers ran since the last call, in seconds; zero at the first. */
  eventLoopDelay(): { readonly p50: number; readonly p99: number; readonly max: number };
}

/**
 * Often enough for what a person would notice: a stall is told as a tenth of a second shorter than it was
 * at most. Each look is a wake-up: at 50 a second they were two thirds of what an idle operator did.
 */
const resolutionMs = 100;

/** Observes this process; its event loop from the first time that it is asked about it. */
export function thisProcess(): ProcessFigures {
  // Where nobody asks, nobody need look, nor hold the 0.4 MB of a histogram.
  let delays: ReturnType<typeof monitorEventLoopDelay> | undefined;
  const observing = () => {
    const begun = monitorEventLoopDelay({ resolution: resolutionMs });
    begun.enable();
    return begun;
  };
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
      delays ??= observing();
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
