import { type PullerReport, report } from '../../../src/cli/status/report.ts';
import { pullerTable } from '../../../src/cli/status/table.ts';
import { plainStyle, type Style } from '../../../src/cli/style.ts';
import type { KubeObject } from '../../../src/kube/objects.ts';
import {
  aCondition,
  type Drawn,
  evicted,
  failedCreate,
  now,
  pulling,
  reading,
  reportOf,
  type SceneOptions,
  seenOf,
  stalled,
  unheard,
  unplaced,
} from './scenes.ts';

interface Drawing {
  readonly width?: number;
  readonly isWide?: boolean;
  readonly style?: Style;
}

/** The sections of what is drawn. */
function sections(drawn: Drawn, options: SceneOptions = {}, drawing: Drawing = {}) {
  const { width = Number.POSITIVE_INFINITY, isWide = false, style = plainStyle } = drawing;
  const text = pullerTable(reportOf(drawn, options), { width, isWide, style });
  return text.split('\n\n').map((section) => section.split('\n'));
}

describe('a puller that is Ready', () => {
  it('is drawn with its images and costs', () => {
    expect(sections({ java: '###', tools: '###' })).toEqual([
      ['workspaces/puller  Ready True, AllResourcesReady  3 of 3 nodes ready'],
      [
        'IMAGE  CACHED  PULLING  FAILING  DIGEST               WHY',
        'java   3/3     0        0        sha256:6a6176610000',
        'tools  3/3     0        0        sha256:746f6f6c7300',
      ],
      [
        'COST                    CPU   MEMORY  CPU LIMIT  MEMORY LIMIT  PODS',
        'each node               100m  20Mi    400m       40Mi          1',
        'all 3 nodes             300m  60Mi    1200m      120Mi         3',
        'surge of a roll         100m  20Mi    400m       40Mi          1',
        "the puller's own pod    10m   96Mi    500m       256Mi         1",
        'a quota must hold       410m  176Mi   2100m      416Mi         5',
        'limit x images x nodes                1200m      120Mi',
        '',
      ],
    ]);
  });

  it('is told by its name and costs alone where it has no image', () => {
    const [head, costs] = sections({}, { conditions: [aCondition('Ready', 'True', 'NoImages')] });
    expect(head).toEqual(['workspaces/puller  Ready True, NoImages  0 of 0 nodes ready']);
    expect(costs?.[0]).toMatch(/^COST/);
  });
});

describe('a puller that has no nodes', () => {
  it('is drawn neither as if its images were there nor as if they were missing', () => {
    const seen = seenOf(
      { java: '' },
      { conditions: [aCondition('Ready', 'False', 'NameConflict')] },
    );
    const nothing = reading([]);
    const [puller] = report({ ...seen, daemonSets: nothing, deployments: nothing }, now).pullers;
    const painted: string[] = [];
    const paint: Style['paint'] = (role, text) => {
      painted.push(`${role} ${text}`);
      return text;
    };
    const style = { ...plainStyle, paint };
    const text = pullerTable(puller as PullerReport, { width: 80, isWide: false, style });
    expect(painted).toContain('quiet 0/0');
    expect(text).not.toContain('COST');
  });
});

describe('a puller with failures', () => {
  const drawn = { bad: 'xx.#', java: '####', tools: '##.#' };
  const options = { conditions: stalled, pods: { 'node-4': unheard } };

  it('begins with what is wrong and names the nodes', () => {
    expect(sections(drawn, options).slice(0, 3)).toEqual([
      [
        'workspaces/puller  Ready False, ImagesFailing  0 of 4 nodes ready',
        '  bad (quay.io/example/bad:1) cannot be pulled',
      ],
      [
        'IMAGE  CACHED  PULLING  FAILING  OTHER  DIGEST               WHY',
        'bad    0/4     1        2        1      -                    401 Unauthorized; check imagePullSecrets',
        'java   3/4     0        0        1      sha256:6a6176610000',
        'tools  2/4     1        0        1      sha256:746f6f6c7300',
      ],
      [
        'NODE    STATE        LACKS  WHY',
        'node-1  failing      bad    401 Unauthorized; check imagePullSecrets',
        'node-2  failing      bad    401 Unauthorized; check imagePullSecrets',
        'node-4  unreachable',
      ],
    ]);
  });

  it.each([
    [60, 'bad    0/4     1        2        1      401 Unauthorized; c~'],
    [72, 'bad    0/4     1        2        1      401 Unauthorized; check imagePu~'],
    [80, 'bad    0/4     1        2        1      -                    401 Unauthorized; ~'],
  ])('fits a terminal with %i columns', (width, line) => {
    const lines = sections(drawn, options, { width }).flat();
    expect(lines).toContain(line);
    expect(Math.max(...lines.map((each) => each.length))).toBeLessThanOrEqual(width);
  });

  it.each([50, 60, 72, 80, 120])('is no wider than %i columns with long names', (width) => {
    const long = {
      'a-name-of-an-image-which-is-long-1': 'xx.#',
      'a-name-of-an-image-which-is-long-2': '##.#',
    };
    const name = 'a-puller-with-a-name-that-is-long';
    const lines = sections(long, { ...options, name }, { width }).flat();
    expect(Math.max(...lines.map((each) => each.length))).toBeLessThanOrEqual(width);
    expect(lines.join('\n')).toContain('LIMIT');
  });

  it('stands under its name where there is no room beside it', () => {
    expect(sections(drawn, options, { width: 60 })[0]).toEqual([
      'workspaces/puller',
      '  Ready False, ImagesFailing',
      '  0 of 4 nodes ready',
      '  bad (quay.io/example/bad:1) cannot be pulled',
    ]);
  });

  it('has references, whole digests and every node where all is asked for', () => {
    const [, images, nodes] = sections(drawn, options, { isWide: true });
    expect(images?.[0]).toMatch(/DIGEST +REFERENCE +CONTAINER +WHY$/);
    expect(images?.[2]).toMatch(/ sha256:6a617661[0-9a-f]{56} +quay\.io\/example\/java:1 +java$/);
    expect(nodes?.map((line) => line.split(/ +/).slice(0, 3))).toEqual([
      ['NODE', 'STATE', 'LACKS'],
      ['node-1', 'failing', 'bad'],
      ['node-2', 'failing', 'bad'],
      ['node-4', 'unreachable'],
      ['node-3', 'pulling', 'bad,'],
    ]);
  });

  it('names twenty nodes and counts the others', () => {
    const many = { bad: 'x'.repeat(25) };
    const [, , nodes = []] = sections(many, { conditions: stalled });
    expect(nodes).toHaveLength(22);
    expect(nodes.at(-1)).toBe('and 5 more nodes: see -o wide');
    expect(sections(many, { conditions: stalled }, { isWide: true })[2]).toHaveLength(26);
  });

  it('says of nodes that are given time that it is their pods that are new', () => {
    const creationTimestamp = '2026-01-01T11:59:00Z';
    const young = (pod: KubeObject) => ({
      ...pod,
      metadata: { ...pod.metadata, creationTimestamp },
    });
    const lines = sections({ java: '##.' }, { pods: { 'node-3': young } }, { isWide: true }).flat();
    expect(lines).toContain('node-3  pulling, new pod  java');
  });

  it('says what else keeps nodes from images', () => {
    const message =
      "0/4 nodes are available: 1 Insufficient memory, 3 node(s) didn't satisfy plugin(s) [NodeAffinity].";
    const [head, , nodes] = sections(
      { java: '#...' },
      {
        conditions: pulling,
        nodesWithoutPod: 2,
        pods: {
          'node-2': evicted('The node was low on resource: ephemeral-storage.'),
          'node-3': unplaced(message),
        },
      },
    );
    expect(head?.[1]).toBe('  3 nodes without a pod');
    expect(nodes?.slice(1)).toEqual([
      'node-2  disk pressure  java   The node was low on resource: ephemeral-storage',
      'node-3  unscheduled    java   Insufficient memory',
    ]);
  });
});

describe('a puller that the operator has not spoken of', () => {
  it('says so', () => {
    const [head] = sections({ java: '#' }, { conditions: [] });
    expect(head).toEqual(['workspaces/puller  the operator has not spoken yet  1 of 1 node ready']);
  });

  it('tells what it said of an earlier spec', () => {
    const [head] = sections({ java: '#' }, { conditions: stalled, generation: 2 });
    expect(head?.slice(1)).toEqual([
      '  the operator has not spoken of the present spec yet; of the last:',
      '  bad (quay.io/example/bad:1) cannot be pulled',
    ]);
  });
});

describe('pods that were refused', () => {
  const told = (conditions: SceneOptions['conditions'] & object) => {
    const seen = seenOf({ java: '#' }, { conditions, nodesWithoutPod: 1 });
    const events = reading(
      seen.daemonSets.objects.map((daemonSet) =>
        failedCreate(
          daemonSet,
          'Error creating: pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1',
        ),
      ),
    );
    const [puller] = report({ ...seen, events }, now).pullers;
    if (puller === undefined) throw new Error('nothing is told');
    const drawing = { width: Number.POSITIVE_INFINITY, isWide: false, style: plainStyle };
    return pullerTable(puller, drawing).split('\n').slice(1, 3);
  };

  it('are told by what a quota would have to hold', () => {
    expect(told(pulling)).toEqual([
      '  1 node without a pod',
      '  pods are refused: the quota q would have to hold 1 more pod',
    ]);
  });

  it('are left to the words of the operator, where it has them', () => {
    expect(told(stalled)).toEqual(['  bad (quay.io/example/bad:1) cannot be pulled', '']);
  });
});

describe('text of the cluster', () => {
  it('means nothing to a terminal', () => {
    const evil = '\u001b[2J\u009b31m\u202e\r\n';
    const name = 'java';
    const text = pullerTable(
      reportOf(
        { [name]: 'x.' },
        {
          spec: { images: `${evil}=quay.io/example/java:1` },
          conditions: [
            aCondition('Ready', 'False', evil, evil),
            aCondition('Degraded', 'True', evil, evil),
          ],
          pods: { 'node-2': evicted(evil) },
        },
      ),
      { width: 80, style: plainStyle, isWide: true },
    );
    expect(text).toMatch(/^[\n -~]*$/);
    expect(text).toContain('\\u001b[2J\\u009b31m\\u202e');
  });

  it('is painted where there are colours', () => {
    const style: Style = { ...plainStyle, paint: (role, text) => `<${role} ${text}>` };
    const [head, images, nodes] = sections(
      { bad: 'x#', java: '##' },
      { conditions: stalled },
      { style },
    );
    expect(head?.[0]).toContain('<heading workspaces/puller>  <bad Ready False, ImagesFailing>');
    expect(images?.slice(1).map((line) => /<\w+ \d\/\d>/.exec(line)?.[0])).toEqual([
      '<bad 1/2>',
      '<good 2/2>',
    ]);
    expect(nodes?.[1]).toContain('<bad failing>');
  });
});
