import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { output, type Words } from '../cluster/real/command.ts';
import { cacheFolder } from '../cluster/real/folders.ts';
import { outside } from '../cluster/real/namespace.ts';
import { processesRunning } from '../cluster/real/processes.ts';
import { startTimeoutMs } from '../cluster/real/real-cluster.ts';

const name = 'killed';
/** So long as no other process here sleeps: the container is found by it. */
const sleep = '72613';

describe('a run that was killed', () => {
  let cache: string;
  beforeEach(() => {
    cache = mkdtempSync('/var/tmp/k-'); // a short path, for the sake of kubelet's sockets
    const folder = cacheFolder({ XDG_CACHE_HOME: cache });
    mkdirSync(folder);
    symlinkSync(join(cacheFolder(), 'tools'), join(folder, 'tools'));
  });
  // One process and all that it made: should the test have failed, this clears them all the same.
  afterEach(async () => {
    await output(run('true'));
    rmSync(cache, { recursive: true });
  });

  it(
    'keeps its cluster as long as it lives, and is cleared away by the next one from another cache',
    async () => {
      const held = await hold();
      await expect(output(run('true'))).rejects.toThrow(
        `the cluster "${name}" is in use by process ${held.pid}`,
      );
      held.kill('SIGKILL');
      await once(held, 'exit');
      expect(leavings()).toEqual({
        daemons: true,
        tests: true,
        containers: true,
        mounts: true,
        controlGroups: true,
        network: true,
        claims: true,
      });
      expect(await output(run('ip', 'netns', 'identify'))).toBe(`kip-${name}\n`);
      expect(leavings()).toEqual({
        daemons: false,
        tests: false,
        containers: false,
        mounts: false,
        controlGroups: false,
        network: false,
        claims: false,
      });
    },
    startTimeoutMs,
  );

  /** A run in the other cache, when its cluster and a pod are up. */
  async function hold(): Promise<ChildProcess> {
    const program = fileURLToPath(new URL('./held-cluster.ts', import.meta.url));
    const [nsenter, ...args] = run(process.execPath, program, sleep);
    const child = spawn(nsenter, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, XDG_CACHE_HOME: cache },
    });
    const [said] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    expect(String(said)).toBe('held\n');
    return child;
  }

  /** What there is of the cluster on this machine. */
  function leavings() {
    const runs = (part: string) => processesRunning((line) => line.includes(part)).length > 0;
    const controlGroups = globSync([`kip-${name}`, `*/kip-${name}`], { cwd: '/sys/fs/cgroup' });
    return {
      daemons: runs(`${cache}/`),
      tests: runs('held-cluster.ts'),
      containers: runs(`/bin/sleep ${sleep}`),
      mounts: readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${cache}/`),
      controlGroups: controlGroups.length > 0,
      network: existsSync(`/run/netns/kip-${name}`),
      claims: globSync(`/run/kip-${name}/*`).length > 0,
    };
  }
});

/** A command in a cluster's fresh network, beside the one that this runs in. */
function run(...words: Words): Words {
  const main = fileURLToPath(new URL('../cluster/real/main.ts', import.meta.url));
  return outside([process.execPath, main, 'run', '--name', name, ...words]);
}
