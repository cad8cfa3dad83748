import { imagePullers } from '../../src/controllers/image-puller.ts';
import { daemonSets } from '../../src/kube/objects.ts';
import { aPuller } from '../pullers.ts';
import { type Scene, startScene } from './scene.ts';

let scene: Scene;

afterEach(() => scene.stop());

const told = (name: string) => {
  const condition = scene.condition('Ready', name);
  return condition && `${condition.status} ${condition.reason}`;
};
const childrenOf = (name: string) => scene.childrenOf(scene.puller(name)?.metadata.uid ?? '');

it('names that another puller has are left to it until it goes (row 73)', async () => {
  scene = await startScene();
  scene.apply(aPuller({}, { name: 'first' }));
  await scene.until(() => told('first') === 'True AllResourcesReady');
  scene.apply(aPuller({}, { name: 'second' }));
  await scene.until(() => told('second') === 'False NameConflict');
  expect(scene.condition('Ready', 'second')?.message).toContain('KubernetesImagePuller first');
  await scene.settle();
  expect(childrenOf('second')).toEqual([]);
  expect(childrenOf('first')).toHaveLength(7);
  expect(told('first')).toBe('True AllResourcesReady');

  scene.cluster.controlPlane.remove(imagePullers, 'workspaces', 'first');
  await scene.until(() => told('second') === 'True AllResourcesReady');
  expect(childrenOf('second')).toHaveLength(7);
});

it('names that were changed while the operator was away leave nothing behind (row 72)', async () => {
  scene = await startScene();
  scene.apply(aPuller());
  await scene.until(() => told('puller') === 'True AllResourcesReady');
  await scene.settle();
  await scene.stopOperator();
  const names = { daemonsetName: 'new-ds', deploymentName: 'new-dep', configMapName: 'new-cm' };
  scene.apply(aPuller(names));
  await scene.startOperator();
  await scene.until(() => scene.get(daemonSets, 'kubernetes-image-puller') === undefined);
  await scene.until(() => told('puller') === 'True AllResourcesReady');
  await scene.settle();
  expect(childrenOf('puller')).toEqual([
    'ConfigMap/new-cm',
    'ConfigMap/new-dep-report',
    'DaemonSet/new-ds',
    'Deployment/new-dep',
    'Role/new-dep-report',
    'RoleBinding/new-dep-report',
    'ServiceAccount/new-dep-image-puller',
  ]);
});
