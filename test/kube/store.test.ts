import type { KubeObject } from '../../src/kube/objects.ts';
import { type Change, Store } from '../../src/kube/store.ts';
import { fc } from '../properties.ts';

interface State {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

function aPod(name: string, resourceVersion: string, uid = `uid-${name}`): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'n', name, uid, resourceVersion },
  };
}

/** A store that has taken in a full list. */
function aStore(resourceVersion: string, ...objects: readonly KubeObject[]): Store {
  const store = new Store();
  store.beginList();
  store.replace(objects, resourceVersion);
  return store;
}

const told = (changes: readonly Change[]) =>
  changes.map(({ type, object }) => {
    const { name, uid, resourceVersion } = object.metadata;
    return `${type} ${name} ${uid} ${resourceVersion}`;
  });

const held = (store: Store) =>
  store
    .list()
    .map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`);

describe('the store', () => {
  it('finds objects by name and by namespace', () => {
    const elsewhere = {
      ...aPod('a', '2'),
      metadata: { ...aPod('a', '2').metadata, namespace: 'm' },
    };
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'a', uid: 'u' } };
    const store = aStore('9', aPod('a', '1'), elsewhere, node);
    expect(store.get('n', 'a')?.metadata.resourceVersion).toBe('1');
    expect(store.get('', 'a')).toBe(node);
    expect(store.get('n', 'b')).toBeUndefined();
    expect(store.list('m')).toEqual([elsewhere]);
    expect(store.list('x')).toEqual([]);
    expect(store.list()).toHaveLength(3);
  });

  it('tells of additions, updates with what was before, and deletions', () => {
    const store = aStore('1');
    expect(store.put(aPod('a', '2'))).toEqual([{ type: 'added', object: aPod('a', '2') }]);
    expect(store.put(aPod('a', '3'))).toEqual([
      { type: 'updated', object: aPod('a', '3'), previous: aPod('a', '2') },
    ]);
    expect(store.remove(aPod('a', '4'))).toEqual([{ type: 'deleted', object: aPod('a', '4') }]);
    expect(held(store)).toEqual([]);
  });

  it('tells nobody of a replay', () => {
    const store = aStore('1');
    store.put(aPod('a', '2'));
    expect(store.put(aPod('a', '2'))).toEqual([]);
    store.remove(aPod('a', '3'));
    expect(store.remove(aPod('a', '3'))).toEqual([]);
  });

  it('ignores an older state of the same uid', () => {
    const store = aStore('1');
    store.put(aPod('a', '12'));
    expect(store.put(aPod('a', '9'))).toEqual([]);
    expect(store.remove(aPod('a', '10'))).toEqual([]);
    expect(held(store)).toEqual(['a uid-a 12']);
  });

  it('does not bring a removed object back by a late event, yet lets it enter a selection again', () => {
    const store = aStore('1', aPod('a', '1'));
    store.remove(aPod('a', '5'));
    expect(store.put(aPod('a', '4'))).toEqual([]);
    expect(store.put(aPod('a', '6'))).toHaveLength(1);
  });

  it('does not bring an object back by a write that returned after the list that lacks it', () => {
    const store = aStore('10');
    expect(store.put(aPod('a', '9'))).toEqual([]);
    expect(store.put(aPod('a', '11'))).toHaveLength(1);
  });

  it('tells of another uid under the same name as a deletion and an addition', () => {
    const store = aStore('1', aPod('a', '1', 'old'));
    expect(told(store.put(aPod('a', '3', 'new')))).toEqual(['deleted a old 1', 'added a new 3']);
  });

  it('does not take a successor for a predecessor that is deleted late', () => {
    const store = aStore('1');
    store.put(aPod('a', '5', 'new'));
    expect(store.remove(aPod('a', '4', 'old'))).toEqual([]);
    expect(held(store)).toEqual(['a new 5']);
  });

  it('takes what it holds for gone where a successor of it, never seen, is deleted', () => {
    const store = aStore('1', aPod('a', '1', 'old'));
    expect(told(store.remove(aPod('a', '9', 'new')))).toEqual(['deleted a old 1']);
  });

  it('accepts the deletion of the very state it holds', () => {
    const store = aStore('1', aPod('a', '1'));
    expect(told(store.remove(aPod('a', '1')))).toEqual(['deleted a uid-a 1']);
  });

  it('compares resourceVersions beyond 2^53 exactly', () => {
    const store = aStore('1');
    store.put(aPod('a', '9007199254740993'));
    expect(store.put(aPod('a', '9007199254740992'))).toEqual([]);
    expect(store.put(aPod('a', '123456789012345678901234567890'))).toHaveLength(1);
  });

  it.each(['x17', '017', '-3', '1e9', ''])(
    'takes a resourceVersion it cannot compare for a different one: %j',
    (strange) => {
      const store = aStore('1', aPod('a', '1'));
      expect(store.put(aPod('a', strange))).toHaveLength(1);
      expect(store.put(aPod('a', strange))).toEqual([]);
      expect(store.put(aPod('a', '5'))).toHaveLength(1);
    },
  );
});

describe('a full list', () => {
  it('tells of the difference only, deletions included', () => {
    const store = aStore('5', aPod('a', '1'), aPod('b', '2'), aPod('c', '3', 'old'));
    store.beginList();
    const changes = store.replace([aPod('b', '2'), aPod('c', '7', 'new'), aPod('d', '8')], '9');
    expect(told(changes)).toEqual([
      'deleted a uid-a 1',
      'deleted c old 3',
      'added c new 7',
      'added d uid-d 8',
    ]);
    expect(held(store)).toEqual(['b uid-b 2', 'c new 7', 'd uid-d 8']);
  });

  it('wins over what was known before it began, also where etcd went back in time', () => {
    const store = aStore('1000', aPod('a', '900'), aPod('b', '950'));
    store.remove(aPod('c', '990'));
    store.beginList();
    expect(told(store.replace([aPod('a', '400'), aPod('c', '450')], '500'))).toEqual([
      'deleted b uid-b 950',
      'updated a uid-a 400',
      'added c uid-c 450',
    ]);
    expect(told(store.put(aPod('a', '501')))).toEqual(['updated a uid-a 501']);
    expect(told(store.put(aPod('c', '502')))).toEqual(['updated c uid-c 502']);
  });

  it('leaves what became known while it was on its way', () => {
    const store = aStore('10', aPod('a', '1'), aPod('gone', '2'));
    store.beginList();
    store.put(aPod('a', '21'));
    store.put(aPod('written', '22'));
    store.remove(aPod('gone', '23'));
    expect(store.replace([aPod('a', '1'), aPod('gone', '2')], '20')).toEqual([]);
    expect(held(store)).toEqual(['a uid-a 21', 'written uid-written 22']);
  });

  it('knows better than what became known while it was on its way and is older', () => {
    const store = aStore('10');
    store.beginList();
    store.put(aPod('a', '15'));
    expect(told(store.replace([], '20'))).toEqual(['deleted a uid-a 15']);
  });
});

describe('whatever the order of events', () => {
  /** One object's life: created, changed and removed again and again, as an API server numbers it. */
  const history = fc.array(fc.constantFrom('put', 'remove'), { minLength: 1, maxLength: 20 });

  it('the store ends with the last state of an object', () => {
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.nat()), (steps, numbers) => {
        const events = eventsOf(steps);
        const shuffled = [...events, ...events]
          .map((event) => ({ event, place: numbers.next().value ?? 0 }))
          .sort((a, b) => a.place - b.place)
          .map(({ event }) => event);
        const store = aStore('1');
        const known = new Set<string>();
        for (const event of shuffled) {
          for (const change of store[event.verb](aPodOf(event.state))) keepBooks(known, change);
        }
        const last = events.at(-1);
        const expected = last?.verb === 'put' ? [last.state.resourceVersion] : [];
        expect(store.list().map((object) => object.metadata.resourceVersion)).toEqual(expected);
        expect(known.size).toBe(expected.length);
      }),
    );
  });

  function eventsOf(steps: readonly string[]) {
    const events: { readonly verb: 'put' | 'remove'; readonly state: State }[] = [];
    let life = 0;
    let isAlive = false;
    for (const [index, step] of steps.entries()) {
      const verb: 'put' | 'remove' = step === 'remove' && isAlive ? 'remove' : 'put';
      if (verb === 'put' && !isAlive) life += 1;
      isAlive = verb === 'put';
      const resourceVersion = String(index + 2);
      events.push({ verb, state: { name: 'a', uid: `life-${life}`, resourceVersion } });
    }
    return events;
  }

  const aPodOf = (state: State) => aPod(state.name, state.resourceVersion, state.uid);

  /** Changes must make sense one after the other: nothing is added twice or deleted unseen. */
  function keepBooks(known: Set<string>, { type, object }: Change): void {
    const uid = object.metadata.uid ?? '';
    expect(known.has(uid)).toBe(type !== 'added');
    if (type === 'deleted') known.delete(uid);
    else known.add(uid);
  }
});
