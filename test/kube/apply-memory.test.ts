import { ApplyMemory } from '../../src/kube/apply-memory.ts';
import type { Difference } from '../../src/kube/in-place.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { ManualClock } from '../manual-clock.ts';

const body: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } };
const rewritten: Difference = {
  path: 'data.a',
  steps: ['f:data', 'f:a'],
  kind: 'value',
  found: 'rewritten',
};

function anObject(uid: string): KubeObject {
  return { ...body, metadata: { name: 'c', uid } };
}

describe('the memory of applies', () => {
  it('forgets the object that was applied longest ago when it is full', () => {
    const memory = new ApplyMemory(new ManualClock(), 2);
    const apply = (id: string) =>
      memory.applied(id, { stored: anObject(id), body }, [rewritten], []);
    const open = (id: string) => memory.judge(id, { live: anObject(id), body }, [rewritten]).open;
    apply('a');
    apply('b');
    apply('a');
    apply('c');
    expect([open('a'), open('b'), open('c')]).toEqual([[], [rewritten], []]);
  });

  it('knows nothing of a successor of the same name', () => {
    const memory = new ApplyMemory(new ManualClock());
    memory.applied('a', { stored: anObject('u1'), body }, [rewritten], []);
    const { open } = memory.judge('a', { live: anObject('u2'), body }, [rewritten]);
    expect(open).toEqual([rewritten]);
  });

  it('tells a rewritten value from one that is now owned by another', () => {
    const memory = new ApplyMemory(new ManualClock());
    memory.applied('a', { stored: anObject('u1'), body }, [rewritten], []);
    const lost: Difference = { ...rewritten, kind: 'unowned' };
    expect(memory.judge('a', { live: anObject('u1'), body }, [lost]).open).toEqual([lost]);
  });

  it('knows that a body changes nothing until the body or the object is another one', () => {
    const memory = new ApplyMemory(new ManualClock());
    const live = anObject('u1');
    expect(memory.isInPlace(live, body)).toBe(false);
    memory.foundInPlace(live, body);
    expect(memory.isInPlace(live, { ...body })).toBe(true);
    expect(memory.isInPlace(live, { ...body, data: {} })).toBe(false);
    expect(memory.isInPlace(anObject('u1'), body)).toBe(false);
  });
});
