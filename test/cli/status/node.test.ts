import { nodeImages } from '../../../src/cli/status/node-images.ts';
import {
  leavesOpen,
  type NodeList,
  nodeOutcome,
  nodeReport,
} from '../../../src/cli/status/node-report.ts';
import { nodeTable } from '../../../src/cli/status/node-table.ts';
import { type Report, report } from '../../../src/cli/status/report.ts';
import type { Seen } from '../../../src/cli/status/seen.ts';
import { plainStyle } from '../../../src/cli/style.ts';
import type { KubeObject } from '../../../src/kube/objects.ts';
import {
  digestOf,
  evicted,
  failedCreate,
  now,
  pulling,
  reading,
  reportOf,
  seenOf,
  stalled,
  unheard,
} from './scenes.ts';

/** A node that lists images by these names, one of them each. */
function aNode(...names: readonly string[]): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-1' },
    status: { images: names.map((name) => ({ names: [name], sizeBytes: 1 })) },
  };
}

function manyNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `quay.io/example/image-${index}:1`);
}

describe("a node's own list", () => {
  it.each([
    ['quay.io/example/java:1', 'quay.io/example/java:1'],
    ['quay.io/example/java', 'quay.io/example/java:latest'],
    ['node', 'docker.io/library/node:latest'],
    ['registry.example:5000/java:1', 'registry.example:5000/java:1'],
    ['index.docker.io/a/b:2', 'docker.io/a/b:2'],
    [`quay.io/example/java:1@${digestOf('x')}`, `quay.io/example/java@${digestOf('x')}`],
  ])('has %s as %s', (reference, listed) => {
    expect(nodeImages(aNode(listed)).has(reference)).toBe(true);
    expect(nodeImages(aNode(`${listed}0`)).has(reference)).toBe(false);
  });

  it('may be cut where it is as long as lists get', () => {
    expect(nodeImages(aNode(...manyNames(49))).isCut).toBe(false);
    expect(nodeImages(aNode(...manyNames(50))).isCut).toBe(true);
  });

  it('may be cut where an image has as many names as are listed', () => {
    const images = [{ names: manyNames(5) }];
    expect(nodeImages({ ...aNode(), status: { images } }).isCut).toBe(true);
  });

  it('is empty before the node has spoken', () => {
    const { status: _, ...silent } = aNode();
    expect(nodeImages(silent as KubeObject).has('node')).toBe(false);
  });
});

const puller = reportOf({ bad: 'x#', java: '##', tools: '.#' }, { conditions: stalled });
const forbidden: NodeList = { error: 'get nodes node-1: you may not' };

function list(isCut: boolean, ...references: readonly string[]): NodeList {
  return { isCut, has: (reference) => references.includes(reference) };
}

describe('what a node has', () => {
  const states = (node: string, own: NodeList | undefined) =>
    nodeReport([puller], node, own).pullers[0]?.copies.map(({ state }) => state);

  it.each<[string, string, NodeList | undefined, readonly string[]]>([
    ['is told by its pods', 'node-1', undefined, ['failing', 'held', 'pulling']],
    [
      'is told by its pods alone where they tell all',
      'node-2',
      undefined,
      ['held', 'held', 'held'],
    ],
    [
      'is told by its containers whatever its own list has',
      'node-1',
      list(false, 'quay.io/example/bad:1', 'quay.io/example/tools:1'),
      ['failing', 'held', 'pulling'],
    ],
    [
      'is told by its own list where it has no pod',
      'node-9',
      list(false, 'quay.io/example/java:1'),
      ['absent', 'listed', 'absent'],
    ],
    [
      'is not known where that list may be cut',
      'node-9',
      list(true, 'quay.io/example/java:1'),
      ['unknown', 'listed', 'unknown'],
    ],
    ['is not known where it may not be read', 'node-9', forbidden, Array(3).fill('unknown')],
  ])('%s', (_what, node, own, expected) => {
    expect(states(node, own)).toEqual(expected);
  });

  it('is asked of the node only where pods leave something open', () => {
    expect(['node-1', 'node-2', 'node-9'].map((node) => leavesOpen([puller], node))).toEqual([
      true,
      false,
      true,
    ]);
    expect(leavesOpen([], 'node-9')).toBe(false);
  });
});

describe('what is to become of the images on a node', () => {
  it.each([undefined, forbidden, list(false, 'quay.io/example/bad:1', 'quay.io/example/tools:1')])(
    'does not depend on who may read the node where containers speak of all (%#)',
    (own) => {
      expect(nodeReport([puller], 'node-1', own).pullers.map(nodeOutcome)).toEqual(['stuck']);
    },
  );

  const underway = reportOf({ bad: 'x#', java: '.#' }, { conditions: pulling });

  it.each([
    ['ready', 'where it holds all', puller, 'node-2', undefined],
    ['stuck', 'where the puller is', puller, 'node-1', undefined],
    ['underway', 'where containers are tried', underway, 'node-1', undefined],
    ['stuck', 'where there is no pod', underway, 'node-9', list(false)],
    ['untold', 'where nobody tells', underway, 'node-9', forbidden],
  ] as const)('is %s %s', (outcome, _where, of, node, own) => {
    expect(nodeReport([of], node, own).pullers.map(nodeOutcome)).toEqual([outcome]);
  });
});

describe('a node of which pods cannot be read', () => {
  const error = new Error('list pods: you may not');
  const without = (kind: keyof Seen): Report['pullers'] => {
    const seen = seenOf({ bad: 'x#', java: '##' }, { conditions: stalled });
    return report({ ...seen, [kind]: { objects: [], error } }, now).pullers;
  };
  const both = ['quay.io/example/bad:1', 'quay.io/example/java:1'];

  it.each<[keyof Seen, string, NodeList | undefined]>([
    ['pods', 'where the node cannot be read either', forbidden],
    ['daemonSets', 'where nobody can tell whose pods are whose', forbidden],
    ['pods', 'where its own list may be cut', list(true)],
    ['pods', 'where its own list lacks one: a pod may be about to hold it', list(false)],
  ])('without %s leaves untold what is to become of its images %s', (kind, _where, own) => {
    const { pullers } = nodeReport(without(kind), 'node-1', own);
    expect(pullers.map(({ copies }) => copies.length)).toEqual([2]);
    expect(pullers.map(nodeOutcome)).toEqual(['untold']);
  });

  it('has all where its own list says so', () => {
    const { pullers } = nodeReport(without('pods'), 'node-1', list(true, ...both));
    expect(pullers.map(nodeOutcome)).toEqual(['ready']);
  });

  it('leaves untold what the list is, where that is what the DaemonSets hold', () => {
    const spec = { nodeSelector: '{' };
    const seen = seenOf({ java: '#' }, { spec, status: { conditions: stalled }, generation: 2 });
    const unreadable = { objects: [], error };
    const { pullers } = report({ ...seen, daemonSets: unreadable, pods: unreadable }, now);
    expect(nodeReport(pullers, 'node-1', undefined).pullers.map(nodeOutcome)).toEqual(['untold']);
  });

  it('is asked for its own list', () => {
    expect(leavesOpen(without('pods'), 'node-1')).toBe(true);
  });

  it('is drawn with that, and without a count of what is not known', () => {
    const drawing = { width: 80, style: plainStyle, isWide: false };
    const lines = (own: NodeList) =>
      nodeTable(nodeReport(without('pods'), 'node-1', own), drawing).split('\n');
    expect(lines(forbidden)).toEqual([
      'workspaces/puller  its pods cannot be read',
      'IMAGE  STATE    DIGEST  WHY',
      'bad    unknown  -',
      'java   unknown  -',
      '',
      'Neither pods nor the node node-1 can be read: get nodes node-1: you may not',
      '',
    ]);
    expect(lines(list(false, ...both))).toEqual([
      'workspaces/puller  its pods cannot be read  2 of 2 images',
      'IMAGE  STATE        DIGEST  WHY',
      'bad    on its disk  -',
      'java   on its disk  -',
      '',
      "Pods cannot be read, so the node's own list was asked.",
      '',
    ]);
  });
});

describe('a node that does not answer', () => {
  const silent = (conditions = pulling, drawn = '##') =>
    nodeReport(
      [reportOf({ java: drawn, tools: '##' }, { conditions, pods: { 'node-1': unheard } })],
      'node-1',
      undefined,
    );

  it('may have lost what it held', () => {
    expect(silent().pullers.map(nodeOutcome)).toEqual(['untold']);
  });

  it('is drawn with what it held when it last spoke', () => {
    const text = nodeTable(silent(), { width: 80, style: plainStyle, isWide: false });
    expect(text.split('\n').slice(0, 3)).toEqual([
      'workspaces/puller  unreachable  2 of 2 images when it last spoke',
      'IMAGE  STATE  DIGEST               WHY',
      'java   held   sha256:6a6176610000',
    ]);
  });

  it('has no state that looks good', () => {
    const painted: string[] = [];
    const paint = (role: string, text: string) => {
      painted.push(`${role} ${text}`);
      return text;
    };
    nodeTable(silent(), { width: 80, style: { ...plainStyle, paint }, isWide: false });
    expect(painted.filter((each) => each.endsWith(' held'))).toEqual(['quiet held', 'quiet held']);
  });
});

describe('a node', () => {
  const drawn = (node: string, own: NodeList | undefined, isWide = false) =>
    nodeTable(nodeReport([puller], node, own), { width: 80, style: plainStyle, isWide }).split(
      '\n',
    );

  it('is drawn with what it holds and lacks', () => {
    expect(drawn('node-1', undefined)).toEqual([
      'workspaces/puller  failing  1 of 3 images',
      'IMAGE  STATE    DIGEST               WHY',
      'bad    failing  -                    401 Unauthorized; check imagePullSecrets',
      'java   held     sha256:6a6176610000',
      'tools  pulling  -',
      '',
    ]);
  });

  it('is drawn with what lies on its disk although a container fails or waits', () => {
    const own = list(true, 'quay.io/example/bad:1', 'quay.io/example/tools:1');
    const drawing = { width: Number.POSITIVE_INFINITY, style: plainStyle, isWide: true };
    const lines = nodeTable(nodeReport([puller], 'node-1', own), drawing).split('\n');
    expect(lines[2]).toMatch(/^bad +failing .* 401 Unauthorized; .*imagePullSecrets; on its disk$/);
    expect(lines[4]).toMatch(/^tools +pulling .* on its disk$/);
  });

  it('has no note where containers speak of all, and its own list says nothing', () => {
    expect(drawn('node-1', forbidden)).toEqual(drawn('node-1', undefined));
    expect(drawn('node-1', list(true))).toEqual(drawn('node-1', undefined));
  });

  it('is drawn with the word of its own list, and that it may be cut', () => {
    const lines = drawn('node-9', list(true, 'quay.io/example/tools:1'));
    expect(lines[0]).toBe('workspaces/puller  no pod of it is there  1 of 3 images');
    expect(lines[4]).toBe('tools  on its disk  -');
    expect(lines.slice(6).join(' ').trim()).toBe(
      "No container on the node speaks of 3 images, so the node's own list was asked. Kubernetes cuts that list at 50 images and 5 names of each, so an image that is not on it may be there nevertheless.",
    );
  });

  it('says that it has no pod, and that it may not be read', () => {
    const lines = drawn('node-9', forbidden);
    expect(lines[0]).toBe('workspaces/puller  no pod of it is there');
    expect(lines.slice(6).join(' ').trim()).toBe(
      'No container on the node speaks of 3 images, and the node node-9 cannot be read: get nodes node-1: you may not',
    );
  });

  it('says why pods are refused where it has none', () => {
    const seen = seenOf({ java: '#' }, { conditions: pulling, nodesWithoutPod: 2 });
    const refusal =
      'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1';
    const events = reading(seen.daemonSets.objects.map((set) => failedCreate(set, refusal)));
    const { pullers } = report({ ...seen, events }, now);
    const lines = (node: string) =>
      nodeTable(nodeReport(pullers, node, list(false)), {
        width: 80,
        style: plainStyle,
        isWide: false,
      }).split('\n');
    expect(lines('node-9').slice(0, 2)).toEqual([
      'workspaces/puller  no pod of it is there  0 of 1 image',
      '  pods are refused: the quota q would have to hold 2 more pods',
    ]);
    expect(lines('node-1')[1]).toMatch(/^IMAGE/);
  });

  it('fits a narrow terminal', () => {
    const pods = {
      'node-1': evicted('The node was low on resource: ephemeral-storage, and what it had is gone'),
    };
    const thrownOut = reportOf({ java: '##' }, { pods });
    const lines = (width: number) =>
      nodeTable(nodeReport([thrownOut], 'node-1', forbidden), {
        width,
        style: plainStyle,
        isWide: false,
      }).split('\n');
    expect(lines(40).slice(0, 4)).toEqual([
      'workspaces/puller  disk pressure',
      '  The node was low on resource:',
      '  ephemeral-storage, and what it had is',
      '  gone',
    ]);
    expect(Math.max(...lines(40).map(({ length }) => length))).toBeLessThanOrEqual(40);
  });

  it('has references and whole digests where all is asked for', () => {
    expect(drawn('node-2', undefined, true)[3]).toBe(
      `java   held   ${digestOf('java')}  quay.io/example/java:1   java`,
    );
  });
});
