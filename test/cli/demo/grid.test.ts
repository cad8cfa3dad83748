import { completeNodes, countCopies, failuresOf, grid } from '../../../src/cli/demo/grid.ts';
import type { KubeObject } from '../../../src/kube/objects.ts';
import { aCachePod, aGrid, anImage } from './scenes.ts';

const images = [anImage('java'), anImage('tools')];
const nodes = ['node-1', 'node-2'];
const running = { running: {} };
const initializing = { waiting: { reason: 'PodInitializing' } };
const creating = { waiting: { reason: 'ContainerCreating' } };

function copiesOf(pods: readonly KubeObject[], disks: readonly string[] = []) {
  const isOnDisk = (node: string, reference: string) => disks.includes(`${node} ${reference}`);
  return grid({ images, nodes, pods, isOnDisk }).rows.map(({ copies }) => copies);
}

describe('the grid of images and nodes', () => {
  it('is empty-handed before there are pods', () => {
    expect(copiesOf([])).toEqual([
      ['missing', 'missing'],
      ['missing', 'missing'],
    ]);
  });

  it('tells what is on a disk before the pod does', () => {
    const pod = aCachePod('node-2', { java: initializing, tools: creating });
    expect(copiesOf([pod], ['node-2 quay.io/example/java:1'])).toEqual([
      ['missing', 'pulled'],
      ['missing', 'missing'],
    ]);
  });

  it('believes a running container', () => {
    expect(copiesOf([aCachePod('node-1', { java: running, tools: creating })])).toEqual([
      ['held', 'missing'],
      ['missing', 'missing'],
    ]);
  });

  it('shows a container that cannot start as failing, even where its image is there', () => {
    const pod = aCachePod('node-1', {
      java: { waiting: { reason: 'CreateContainerConfigError', message: 'root' } },
      tools: { waiting: { reason: 'ErrImagePull', message: 'no such host' } },
    });
    expect(copiesOf([pod], ['node-1 quay.io/example/java:1'])).toEqual([
      ['failing', 'missing'],
      ['failing', 'missing'],
    ]);
  });

  it('counts copies and the nodes that have them all', () => {
    const drawn = aGrid({ java: '##x', tools: '#o.' });
    expect(countCopies(drawn)).toEqual({ held: 3, pulled: 1, failing: 1, missing: 1 });
    expect(completeNodes(drawn)).toEqual(['node-1']);
  });
});

describe('what keeps containers from starting', () => {
  const refusal = 'failed to resolve image: no such host';
  const failed = { waiting: { reason: 'ErrImagePull', message: refusal } };
  const backingOff = {
    waiting: {
      reason: 'ImagePullBackOff',
      message: `Back-off pulling image "quay.io/example/java:1": ErrImagePull: ${refusal}`,
    },
  };

  it('is nothing while containers run or wait for their turn', () => {
    expect(failuresOf([aCachePod('node-1', { java: running, tools: creating })])).toEqual([]);
  });

  it('is told once for all nodes, the pause after a failed pull included', () => {
    const pods = [
      aCachePod('node-1', { java: backingOff }),
      aCachePod('node-2', { java: failed }),
      aCachePod('node-3', { java: failed }),
    ];
    expect(failuresOf(pods)).toEqual([
      {
        container: 'java',
        image: 'quay.io/example/java:1',
        reasons: ['ErrImagePull', 'ImagePullBackOff'],
        message: refusal,
        nodes: 3,
      },
    ]);
  });

  it('is sorted by image, and told apart by its message', () => {
    const other = { waiting: { reason: 'ErrImagePull', message: 'unauthorized' } };
    const pods = [
      aCachePod('node-1', { tools: failed, java: failed }),
      aCachePod('node-2', { java: other }),
    ];
    expect(failuresOf(pods).map(({ container, message }) => [container, message])).toEqual([
      ['java', refusal],
      ['java', 'unauthorized'],
      ['tools', refusal],
    ]);
  });

  it('includes the init container that brings the sleep program', () => {
    const { spec, ...pod } = aCachePod('node-1', {});
    const status = {
      initContainerStatuses: [{ name: 'copy-sleep', image: 'registry.invalid/s:1', state: failed }],
    };
    expect(failuresOf([{ ...pod, spec, status }])[0]).toMatchObject({ container: 'copy-sleep' });
  });
});
