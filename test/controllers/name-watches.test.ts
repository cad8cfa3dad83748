import type { Conflict } from '../../src/controllers/conflicts.ts';
import { NameWatches } from '../../src/controllers/name-watches.ts';
import { configMaps, daemonSets, type Resource } from '../../src/kube/objects.ts';

function aConflict(name: string, resource: Resource = daemonSets, isCached = false): Conflict {
  const hindrance = { why: 'unowned' } as const;
  return { resource, namespace: 'n', name, field: 'daemonsetName', hindrance, isCached };
}

/** Watches of names, and what of them runs. */
function someWatches() {
  const running = new Map<string, () => void>();
  const woken: string[] = [];
  const watches = new NameWatches(
    (resource, namespace, name, onEvent) => {
      const id = `${resource.plural} ${namespace}/${name}`;
      running.set(id, onEvent);
      return {
        stop: async () => {
          running.delete(id);
        },
      };
    },
    (key) => woken.push(key),
  );
  return { watches, running, woken };
}

describe('the watches of disputed names', () => {
  it('wake the puller that wants the name', () => {
    const { watches, running, woken } = someWatches();
    watches.keep('n/a', [aConflict('x')]);
    running.get('daemonsets n/x')?.();
    expect(woken).toEqual(['n/a']);
  });

  it('go on, and do not begin anew, while the conflict lasts', () => {
    const { watches, running } = someWatches();
    watches.keep('n/a', [aConflict('x')]);
    const first = running.get('daemonsets n/x');
    watches.keep('n/a', [aConflict('x')]);
    expect(running.get('daemonsets n/x')).toBe(first);
  });

  it('end with the conflict, and only those of that puller', () => {
    const { watches, running } = someWatches();
    watches.keep('n/a', [aConflict('x')]);
    watches.keep('n/b', [aConflict('y')]);
    watches.keep('n/a', []);
    expect([...running.keys()]).toEqual(['daemonsets n/y']);
  });

  it('are none for a name of which our caches tell', () => {
    const { watches, running } = someWatches();
    watches.keep('n/a', [aConflict('x', daemonSets, true), aConflict('y')]);
    expect([...running.keys()]).toEqual(['daemonsets n/y']);
  });

  it('change with the name in dispute', () => {
    const { watches, running } = someWatches();
    watches.keep('n/a', [aConflict('x')]);
    watches.keep('n/a', [aConflict('x', configMaps)]);
    expect([...running.keys()]).toEqual(['configmaps n/x']);
  });

  it('are a hundred at most', () => {
    const { watches, running } = someWatches();
    for (let index = 0; index < 150; index += 1)
      watches.keep(`n/${index}`, [aConflict(`${index}`)]);
    expect(running.size).toBe(100);
  });

  it('all end when the program does', async () => {
    const { watches, running } = someWatches();
    watches.keep('n/a', [aConflict('x')]);
    await watches.stop();
    expect(running.size).toBe(0);
  });
});
