import { idlePods } from '../../src/status/idle-pods.ts';
import { projectPod } from '../../src/status/pods.ts';
import {
  aDaemonSet,
  aPod,
  creating,
  digest,
  ended,
  minute,
  now,
  type PodTraits,
  timeAt,
  unauthorized,
  unscheduled,
  unspoken,
} from './scenes.ts';

const setUp = { 'my-image': creating, tools: creating };

const idleOf = (...pods: readonly ReturnType<typeof aPod>[]) =>
  idlePods([aDaemonSet(3)], pods.map(projectPod), now);
const namesOf = ({ pods }: ReturnType<typeof idleOf>) => pods.map(({ metadata }) => metadata.name);

describe('pods that do not begin', () => {
  it('are those of which for a minute no container was made, the most silent first', () => {
    const idle = idleOf(
      aPod('node-1', { said: setUp, createdAt: now - minute }),
      aPod('node-2', { said: setUp, createdAt: now - 2 * minute }),
      aPod('node-3', { said: setUp, createdAt: now - minute + 1 }),
    );
    expect(namesOf(idle)).toEqual(['cache-node-2', 'cache-node-1']);
    expect(idle.againMs).toBe(1);
  });

  it.each<[string, PodTraits]>([
    ['runs', {}],
    ['holds an image', { said: { 'my-image': creating } }],
    ['says why', { said: { ...setUp, tools: unauthorized } }],
    ['has run before', { said: { ...setUp, tools: { ...creating, imageID: `x@${digest('a')}` } } }],
    ['is on a node that does not speak', { said: { 'my-image': unspoken, tools: unspoken } }],
    ['goes', { said: setUp, metadata: { deletionTimestamp: timeAt(now) } }],
    ['is not ours', { said: setUp, owner: 'theirs' }],
  ])('are not one that %s', (_what, traits) => {
    expect(idleOf(aPod('node-1', traits))).toEqual({ pods: [], againMs: undefined });
  });

  it('are not those without a node, nor those that have ended', () => {
    expect(
      namesOf(idleOf(unscheduled('node-1', 'no room'), ended('node-2', 'Evicted', 'x'))),
    ).toEqual([]);
  });
});
