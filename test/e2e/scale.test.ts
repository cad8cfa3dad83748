import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { daemonSets } from '../../src/kube/objects.ts';
import { Bench } from '../bench/bench-client.ts';
import { FleetRun, firstImages, type Passage, withBadImage } from '../bench/fleet.ts';
import { realRig } from '../bench/real-rig.ts';
import type { Rig } from '../bench/rig.ts';
import { ours, type Subject } from '../bench/subject.ts';
import { startTimeoutMs } from '../cluster/real/real-cluster.ts';

/** What the controllers of a large cluster are often given; the default is 20. */
const controllerQps = 200;
/** Longer than a passage is waited for, so that what fails says what it waited for. */
const timeoutMs = 1_500_000;

describe('a list of 20 images on 500 nodes', () => {
  let directory: string;
  let rig: Rig;
  let bench: Bench;
  let subject: Subject;
  let run: FleetRun;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'scale-'));
    rig = await realRig(0, true, { controllerQps });
    bench = new Bench(rig, [daemonSets]);
    await bench.start();
    const { fleet } = await rig.largeRollOut(500);
    if (fleet === undefined) throw new Error('a real control plane has a fleet');
    const kubeconfig = join(directory, 'kubeconfig');
    writeFileSync(kubeconfig, rig.operatorKubeconfig, { mode: 0o600 });
    subject = await (await ours(directory)).launch(kubeconfig);
    await subject.ready();
    run = new FleetRun(bench, subject, { fleet, isOurs: true });
    await run.start();
  }, startTimeoutMs);

  // Undefined where they did not come up.
  afterAll(async () => {
    await (run as FleetRun | undefined)?.stop();
    await (subject as Subject | undefined)?.end('SIGTERM');
    await (bench as Bench | undefined)?.stop();
    await (rig as Rig | undefined)?.stop();
    rmSync(directory, { recursive: true });
  }, startTimeoutMs);

  /** What is written when nothing is counted, and one status in five seconds. */
  const mostWrites = ({ seconds }: Passage) => 15 + seconds / 5;

  it(
    'comes up with a few writes and a status in five seconds',
    async () => {
      const passage = await run.edit(firstImages);
      expect(passage.writes).toBeLessThan(mostWrites(passage));
    },
    timeoutMs,
  );

  it(
    'is exchanged by two images, one of which 10 nodes cannot pull, and no node lacks another',
    async () => {
      const passage = await run.editToFail(withBadImage(2));
      expect(passage.worst).toEqual({ reference: '', nodes: 0 });
      expect(passage.writes).toBeLessThan(mostWrites(passage));
    },
    timeoutMs,
  );
});
