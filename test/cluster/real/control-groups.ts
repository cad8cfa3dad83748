import { existsSync, globSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { end, type ProcessRecord, processRecord } from './processes.ts';
import { until } from './wait.ts';

const mountPoint = '/sys/fs/cgroup';

/** The control groups below which kubelet keeps everything that pods run. */
export interface ControlGroups {
  /** Relative to the root of each hierarchy. */
  readonly name: string;
  make(): void;
  /** Ends every process inside, then removes the groups. */
  remove(): Promise<void>;
}

/** What a pod takes from its node, as the kernel counts it. */
export interface PodUsage {
  /** Kernel memory and cached files included. */
  readonly memoryBytes: number;
  /** Since its control group was made. */
  readonly cpuSeconds: number;
}

/** Of a pod on the node of a cluster. Throws where it has no control group. */
export function podUsage(clusterName: string, podUid: string): PodUsage {
  const read = (...files: readonly string[]) => {
    const patterns = files.map((file) => `**/pod${podUid}/${file}`);
    const [found] = hierarchies().flatMap((hierarchy) =>
      globSync(patterns, { cwd: join(hierarchy, controlGroups(clusterName).name) }).map((file) =>
        join(hierarchy, controlGroups(clusterName).name, file),
      ),
    );
    if (found === undefined) throw new Error(`pod ${podUid} has no ${files.join(' or ')}`);
    return readFileSync(found, 'utf8');
  };
  const memoryBytes = Number(read('memory.current', 'memory.usage_in_bytes'));
  // Version 1 has nanoseconds in a file of their own.
  const time = read('cpuacct.usage', 'cpu.stat');
  const [, microseconds] = /^usage_usec (\d+)$/m.exec(time) ?? [];
  const cpuSeconds = microseconds ? Number(microseconds) / 1e6 : Number(time) / 1e9;
  return { memoryBytes, cpuSeconds };
}

/** Those of one cluster, in version 2 or in each hierarchy of version 1 (cgroups(7)). */
export function controlGroups(clusterName: string): ControlGroups {
  const name = `kip-${clusterName}`;
  // runc makes a group in the hybrid layout's version 2 as well, so this looks into all of them.
  const present = () =>
    globSync([name, `*/${name}`], { cwd: mountPoint }).map((group) => join(mountPoint, group));
  return {
    name,
    make() {
      for (const hierarchy of hierarchies()) {
        const group = join(hierarchy, name);
        mkdirSync(group, { recursive: true });
        copyProcessorSet(hierarchy, group);
      }
    },
    async remove() {
      await end(present().flatMap(tree).flatMap(processesIn), 0);
      for (const group of present()) await removeTree(group);
    },
  };
}

function hierarchies(): readonly string[] {
  if (existsSync(join(mountPoint, 'cgroup.controllers'))) return [mountPoint];
  // The hybrid layout mounts an empty version 2 beside, which kubelet leaves alone.
  return globSync('*/cgroup.procs', { cwd: mountPoint })
    .map((file) => join(mountPoint, file, '..'))
    .filter((folder) => folder !== join(mountPoint, 'unified'));
}

/** In version 1 a new group has no processors and no memory, and takes no process before it has. */
function copyProcessorSet(from: string, to: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (existsSync(join(to, file)) && !existsSync(join(from, 'cgroup.controllers'))) {
      writeFileSync(join(to, file), readFileSync(join(from, file)));
    }
  }
}

/** The group and those below it, deepest first; every group has this file. */
function tree(group: string): readonly string[] {
  return globSync('**/cgroup.procs', { cwd: group })
    .map((file) => join(group, dirname(file)))
    .sort((a, b) => b.length - a.length);
}

/** The living processes of a group; none of one that is gone, as shims remove those of ended containers. */
export function processesIn(group: string): readonly ProcessRecord[] {
  let lines: string;
  try {
    lines = readFileSync(join(group, 'cgroup.procs'), 'utf8');
  } catch (error) {
    if (!isInMotion(error)) throw error;
    return [];
  }
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => processRecord(Number(line)))
    .filter((record) => record !== undefined);
}

/** The kernel lets go of a group a moment after its last process; shims remove theirs meanwhile. */
async function removeTree(group: string): Promise<void> {
  await until(
    `the control group ${group} to be empty`,
    () => {
      try {
        for (const folder of tree(group)) rmdirSync(folder);
        return true;
      } catch (error) {
        if (!isInMotion(error)) throw error;
        return false;
      }
    },
    10_000,
  );
}

/** Claims that a group is still in use, or that somebody else has just removed it. */
function isInMotion(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return ['EBUSY', 'ENOENT', 'ENODEV'].includes(code);
}
