import type { KubeObject } from '../../src/kube/objects.ts';
import { type PodRecord, projectPod } from '../../src/status/pods.ts';
import { noRewrites, type Rewrites, readPods } from '../../src/status/rewrites.ts';
import { aDaemonSet, aPod } from './scenes.ts';

type Images = Readonly<Record<string, string>>;

const listOf = (images: Images) =>
  Object.entries(images).map(([container, reference]) => ({ container, reference, names: [] }));

/** One whose template has changed so often, and of which this is the present one. */
function daemonSet(generation: number, images: Images, status: object = {}): KubeObject {
  const set = aDaemonSet(2, { status: { updatedNumberScheduled: 1, ...status } });
  const containers = listOf(images).map(({ container: name, reference: image }) => ({
    name,
    image,
  }));
  const annotations = { 'deprecated.daemonset.template.generation': `${generation}` };
  return {
    ...set,
    metadata: { ...set.metadata, annotations },
    spec: { template: { spec: { containers } } },
  };
}

function pod(
  generation: number,
  images: Images,
  more: { readonly owner?: string } = {},
): PodRecord {
  const metadata = { labels: { 'pod-template-generation': `${generation}` } };
  const spec = { initContainers: [{ name: 'copy-sleep', image: 'mirror/sleeper:1' }] };
  const made = aPod('n1', { images: listOf(images), metadata, ...more });
  const whole = { ...made, spec: { ...(made['spec'] as object), ...spec } };
  return projectPod({ ...whole, metadata: { ...made.metadata, ...metadata } });
}

/** The references of each pod, those of its init containers first. */
function read(set: KubeObject, pods: readonly PodRecord[], before?: Rewrites, isAsNew = true) {
  const options = { before, isAsNewAs: () => isAsNew };
  const { pods: all, ...rest } = readPods([set], pods, options);
  const said = all.map(({ containers }) => containers.map(({ reference }) => reference).slice(1));
  return { ...rest, said, pods: all };
}

const tools = { tools: 'quay/tools:1' };
const mirrored = { tools: 'mirror/tools:1' };

describe('a pod of the present template', () => {
  it('has what the template says for the container, whatever its own spec does', () => {
    expect(read(daemonSet(3, tools), [pod(3, mirrored)]).said).toEqual([['quay/tools:1']]);
  });

  it('says itself what a webhook has put beside ours', () => {
    const pods = [pod(3, { ...mirrored, proxy: 'mesh/proxy:1' })];
    expect(read(daemonSet(3, tools), pods).said).toEqual([['quay/tools:1', 'mesh/proxy:1']]);
  });

  it('is also one that was made before an edit which was undone', () => {
    const updated = { updatedNumberScheduled: 2 };
    expect(read(daemonSet(3, tools, updated), [pod(1, mirrored)]).said).toEqual([['quay/tools:1']]);
    const late = { ...updated, observedGeneration: 0 };
    expect(read(daemonSet(3, tools, late), [pod(1, mirrored)]).isCertain).toBe(false);
    const astray = { ...updated, numberMisscheduled: 1 };
    expect(read(daemonSet(3, tools, astray), [pod(1, mirrored)]).isCertain).toBe(false);
    expect(read(daemonSet(3, tools, updated), [pod(4, mirrored)]).isCertain).toBe(false);
  });
});

describe('a pod of a former template', () => {
  const edited = { tools: 'quay/tools:2', shell: 'quay/shell:1' };
  const anew = { tools: 'mirror/tools:2', shell: 'mirror/shell:1' };

  it('is read by what pods of the present one tell', () => {
    const pods = [pod(3, { shell: 'mirror/shell:1' }), pod(4, anew)];
    expect(read(daemonSet(4, edited), pods).said).toEqual([
      ['quay/shell:1'],
      ['quay/tools:2', 'quay/shell:1'],
    ]);
  });

  it('is read so by its references, where the container had another name', () => {
    const pods = [pod(3, { bash: 'mirror/shell:1' }), pod(4, anew)];
    expect(read(daemonSet(4, edited), pods).said[0]).toEqual(['quay/shell:1']);
  });

  it('is read by what it told itself as long as its template was the present one', () => {
    const former = pod(3, mirrored);
    const { rewrites } = read(daemonSet(3, tools), [former]);
    const { said, rewrites: kept } = read(daemonSet(4, edited), [former], rewrites);
    expect(said).toEqual([['quay/tools:1']]);
    expect(read(daemonSet(5, edited), [former], kept).said).toEqual([['quay/tools:1']]);
    expect(read(daemonSet(5, edited), [], kept).rewrites).toEqual(noRewrites);
  });

  it('is read by container first, as two references of one content may become the same', () => {
    const twice = { one: 'quay/x:1', two: 'quay/x:latest' };
    const same = { one: 'quay/x@sha256:a', two: 'quay/x@sha256:a' };
    const pods = [pod(3, same), pod(4, same)];
    expect(read(daemonSet(4, twice), pods).said[0]).toEqual(['quay/x:1', 'quay/x:latest']);
  });

  it('holds nobody knows what, in a cluster that rewrites, where nobody remembers', () => {
    const pods = [pod(3, mirrored), pod(4, anew)];
    expect(read(daemonSet(4, edited), pods).said[0]).toEqual(['']);
  });

  it('is taken at its word in a cluster that rewrites nothing', () => {
    const pods = [pod(3, tools), pod(4, edited)];
    const { said, isCertain, pods: same } = read(daemonSet(4, edited), pods);
    expect(said[0]).toEqual(['quay/tools:1']);
    expect(isCertain).toBe(true);
    expect(same).toBe(pods);
  });

  it('is one also where its DaemonSet says that none is left, and its end is not known yet', () => {
    const updated = { updatedNumberScheduled: 2 };
    const pods = [pod(3, tools), pod(4, edited)];
    const { said } = read(daemonSet(4, edited, updated), pods, noRewrites, false);
    expect(said).toEqual([['quay/tools:1'], ['quay/tools:2', 'quay/shell:1']]);
    const { said: alone } = read(
      daemonSet(4, edited, updated),
      pods.slice(0, 1),
      noRewrites,
      false,
    );
    expect(alone).toEqual([['quay/tools:1']]);
  });

  it('tells nothing for certain while no other does', () => {
    const { said, isCertain } = read(daemonSet(4, edited), [pod(3, mirrored)]);
    expect(said).toEqual([['mirror/tools:1']]);
    expect(isCertain).toBe(false);
  });
});

describe('pods', () => {
  it('of others stay as they are', () => {
    const pods = [pod(3, mirrored), pod(3, mirrored, { owner: 'd2' })];
    expect(read(daemonSet(3, tools), pods).pods[1]).toBe(pods[1]);
  });

  it('are taken at their word where templates are not counted', () => {
    const pods = [pod(0, mirrored)];
    const { pods: same, isCertain } = read(daemonSet(0, tools), pods);
    expect(same).toBe(pods);
    expect(isCertain).toBe(true);
  });

  it('that say the same are read as the same, so that they are counted at once', () => {
    const [one, other] = read(daemonSet(3, tools), [pod(3, mirrored), pod(3, mirrored)]).pods;
    expect(one?.containers).toBe(other?.containers);
  });
});
