/** Brings a cluster up with a pod that runs, says so by a line, and stays until it is ended. */
import { TestNamespace } from '../cluster/contract/namespace.ts';
import { RealCluster } from '../cluster/real/real-cluster.ts';

const cluster = await RealCluster.start();
const image = cluster.registry.reference('held:1');
await cluster.registry.push('held:1', cluster.busyboxImage);
const namespace = await TestNamespace.create(cluster);
const container = { name: 'main', image, command: ['/bin/sleep', process.argv[2] ?? ''] };
await namespace.createPod('p', { containers: [container] });
await namespace.untilReady('p');
process.stdout.write('held\n');
setInterval(() => {}, 60_000);
