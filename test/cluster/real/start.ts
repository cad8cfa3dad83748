/** What `npm run cluster` runs inside the network that it has made; the argument is the number of fake nodes. */
import { writeFileSync } from 'node:fs';
import { personal } from './command-line.ts';
import { clusterFolders } from './folders.ts';
import { directions, shellSettings } from './personal.ts';
import { RealCluster } from './real-cluster.ts';

try {
  await start(Number(process.argv[2]));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function start(fakeNodes: number): Promise<void> {
  const cluster = await RealCluster.start();
  if (fakeNodes > 0) await cluster.addFakeNodes(fakeNodes);
  await cluster.registry.push('busybox:1', cluster.busyboxImage);
  const folders = clusterFolders(personal);
  writeFileSync(
    shellSettings(folders),
    `export PATH='${cluster.binaryFolder}':"$PATH"\nexport KUBECONFIG='${cluster.kubeconfigFile}'\n`,
  );
  const image = cluster.registry.reference('busybox:1');
  process.stdout.write(
    `nodes: ${cluster.nodes.length}; an image to try: ${image}\n${directions(folders)}`,
  );
}
