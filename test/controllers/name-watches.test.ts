import type { Conflict } from '../../src/controllers/conflicts.ts';
import { NameWatches } from '../../src/controllers/name-watches.ts';
import { configMaps, daemonSets, type Resource } from '../../src/kube/objects.ts';

function aConflict(
  name: string,
  resource: Resource = daemonSets,
  isCached = false,
  namespace = 'n',
): Conflict {
  const hindrance = { why: 'unowned' } as const;
  return { resource, namespace, name, field: 'daemonsetName', hindrance, isCached };
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

  /** A hundred and fifty conflicts of the namespace. */
  const manyOf = (watches: NameWatches, namespace: string) => {
    for (let index = 0; index < 150; index += 1)
      watches.keep(`${namespace}/${index}`, [aConflict(`${index}`, daemonSets, false, namespace)]);
  };
  const share = (running: ReadonlyMap<string, unknown>, namespace: string) =>
    [...running.keys()].filter((id) => id.startsWith(`daemonsets ${namespace}/`)).length;

  it('are a hundred at most', () => {
    const { watches, running } = someWatches();
    manyOf(watches, 'n');
    expect(running.size).toBe(100);
  });

  it('are there for every namespace, however many conflicts another one has', () => {
    const { watches, running } = someWatches();
    manyOf(watches, 'greedy');
    watches.keep('modest/a', [aConflict('x', daemonSets, false, 'modest')]);
    expect([share(running, 'greedy'), share(running, 'modest')]).toEqual([99, 1]);
    manyOf(watches, 'second');
    manyOf(watches, 'greedy');
    expect([share(running, 'greedy'), share(running, 'second')]).toEqual([50, 49]);
    expect(share(running, 'modest')).toBe(1);
  });

  it('all end when the program does', async () => {
    const { watches, running } = someWatches();
    watches.keep('n/a', [aConflict('x')]);
    await watches.stop();
    expect(running.size).toBe(0);
  });
});
