import { jsonForms } from '../../src/api/json-forms.ts';
import { parseSpec } from '../../src/api/parse.ts';
import type { PullerSpec, RawSpec } from '../../src/api/types.ts';

/** What a spec comes to: its typed form, and its findings as `verdict Reason: message`. */
function read(raw: RawSpec): { readonly spec: PullerSpec; readonly findings: readonly string[] } {
  const { spec, findings } = parseSpec(raw, { maxImages: 500 });
  return {
    spec,
    findings: findings.map(({ verdict, reason, message }) => `${verdict} ${reason}: ${message}`),
  };
}

const required = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';

describe('spec.nodeSelector', () => {
  it.each([
    ['null', {}],
    ['{}', {}],
    [' {"disktype": "ssd"}\n', { disktype: 'ssd' }],
    ['{"kubernetes.io/arch":"amd64","empty":""}', { 'kubernetes.io/arch': 'amd64', empty: '' }],
    ['{"a":"1","a":"2"}', { a: '2' }],
    ['{"a":null}', { a: '' }],
    ['{"constructor":"x","A":"x"}', { constructor: 'x', A: 'x' }],
  ])('is a JSON object of labels: %s', (nodeSelector, labels) => {
    expect(read({ nodeSelector })).toEqual({
      spec: expect.objectContaining({ nodeSelector: labels }),
      findings: [],
    });
  });

  it.each([
    ['{', `it is not JSON: Expected property name or '}' in JSON at position 1`],
    ['foo', ': "foo" is not JSON; write'],
    ['{"a":"1"} x', 'it is not JSON: Unexpected non-whitespace character'],
    ['\ufeff{}', ': "\\ufeff{}" is not JSON; write'],
    ['[]', ': it is an array; write'],
    ['1', ': it is a number; write'],
    ['"x"', ': it is a string; write'],
    ['true', ': it is a boolean; write'],
    ['{"a":1}', 'a must be a string, not a number'],
    ['{"a":{"b":"c"}}', 'a must be a string, not an object'],
    ['{"a b":"c"}', 'it has "a b", which is not a label key'],
    ['{"":"c"}', 'it has "", which is not a label key'],
    [`{"a":"${'x'.repeat(64)}"}`, 'which is not a label value'],
    ['{"a":"caf\u00e9"}', 'a has "caf\\u00e9", which is not a label value'],
    ['{"__proto__":{"x":"y"}}', '"__proto__", which is not a label key'],
    ['{"__proto__":"y"}', '"__proto__", which is not a label key'],
  ])('holds everything where it is not: %j', (nodeSelector, reason) => {
    const { spec, findings } = read({ nodeSelector });
    expect(spec.nodeSelector).toEqual({});
    expect(findings).toEqual([
      expect.stringMatching(/^hold InvalidNodeSelector: spec\.nodeSelector: /),
    ]);
    expect(findings[0]).toContain(reason);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});

describe('spec.tolerations', () => {
  it.each([
    ['null', []],
    ['[]', []],
    ['[{"operator":"Exists"}]', [{ operator: 'Exists' }]],
    ['[{"key":"a"}]', [{ key: 'a' }]],
    [
      '[{"key":"a","operator":"Equal","value":"b","effect":"NoExecute","tolerationSeconds":-1}]',
      [{ key: 'a', operator: 'Equal', value: 'b', effect: 'NoExecute', tolerationSeconds: -1 }],
    ],
    ['[{"Key":"a","OPERATOR":"Exists","effect":null}]', [{ key: 'a', operator: 'Exists' }]],
    ['[{"key":"","operator":"Exists","effect":""}]', [{ operator: 'Exists' }]],
    ['[{"key":"a","operator":"Gt","value":"-5"}]', [{ key: 'a', operator: 'Gt', value: '-5' }]],
  ])('is a JSON array of tolerations: %s', (text, tolerations) => {
    expect(read({ tolerations: text })).toEqual({
      spec: expect.objectContaining({ tolerations }),
      findings: [],
    });
  });

  it.each([
    ['{}', ': it is an object; write'],
    ['[1]', '[0] must be an object, not a number'],
    ['[null]', '[0] has no key'],
    ['[{}]', '[0] has no key'],
    ['[{"key":1}]', '[0].key must be a string, not a number'],
    ['[{"key":[]}]', '[0].key must be a string, not an array'],
    ['[{"key":"a b"}]', '[0].key has "a b", which is not a taint key'],
    ['[{"operator":"exists"}]', '[0].operator is "exists"; allowed: Exists, Equal, Lt, Gt'],
    ['[{"key":"a"},{"operator":"Equal"}]', '[1] has no key'],
    ['[{"key":"a","effect":"Never"}]', '[0].effect is "Never"; allowed: NoSchedule'],
    ['[{"key":"a","operator":"Exists","value":"b"}]', '[0] has a value beside the operator Exists'],
    ['[{"key":"a","value":"b c"}]', '[0] has the value "b c", which no taint can have'],
    ['[{"key":"a","operator":"Lt","value":"01"}]', 'Lt needs a whole number'],
    ['[{"key":"a","operator":"Gt","value":"9223372036854775808"}]', 'Gt needs a whole number'],
    [
      '[{"key":"a","effect":"NoSchedule","tolerationSeconds":5}]',
      '[0] has tolerationSeconds, which need the effect NoExecute',
    ],
    [
      '[{"key":"a","effect":"NoExecute","tolerationSeconds":1.5}]',
      '[0].tolerationSeconds must be an integer, not a number',
    ],
    [
      '[{"key":"a","effect":"NoExecute","tolerationSeconds":1e300}]',
      '[0].tolerationSeconds must be',
    ],
  ])('holds everything where the API server would refuse it: %s', (tolerations, reason) => {
    const { spec, findings } = read({ tolerations });
    expect(spec.tolerations).toEqual([]);
    expect(findings).toEqual([
      expect.stringMatching(/^hold InvalidTolerations: spec\.tolerations: /),
    ]);
    expect(findings[0]).toContain(reason);
  });

  it('drops fields that a toleration does not have, with a remark', () => {
    const { spec, findings } = read({ tolerations: '[{"key":"a","efect":"NoSchedule"}]' });
    expect(spec.tolerations).toEqual([{ key: 'a' }]);
    expect(findings).toEqual([
      'note UnknownField: spec.tolerations has the unknown field "[0].efect", which is ignored; check its spelling.',
    ]);
  });
});

describe('a text that is something else altogether', () => {
  it.each(['foo', '1'])('is answered with what is expected, as the schema has it: %s', (text) => {
    expect(read({ nodeSelector: text, tolerations: text, affinity: text }).findings).toEqual([
      expect.stringMatching(
        /; write a JSON object of strings, for example \{"disktype": "ssd"\}\.$/,
      ),
      expect.stringMatching(
        /; write a JSON object of the type Affinity of core\/v1, for example \{"nodeAffinity": .*\}\.$/,
      ),
      expect.stringMatching(
        /; write a JSON array of the type Toleration of core\/v1, for example \[\{"key": .*\]\.$/,
      ),
    ]);
  });

  it('is answered with an example that can be taken', () => {
    const { nodeSelector, tolerations, affinity } = jsonForms;
    const { spec, findings } = read({
      nodeSelector: nodeSelector.example,
      tolerations: tolerations.example,
      affinity: affinity.example,
    });
    expect(findings).toEqual([]);
    expect(spec.nodeSelector).toEqual({ disktype: 'ssd' });
    expect(spec.tolerations).toHaveLength(1);
    expect(Object.keys(spec.affinity ?? {})).toEqual(['nodeAffinity']);
  });
});

/** Every field that core/v1 Affinity has. */
const fullAffinity = {
  nodeAffinity: {
    [required]: {
      nodeSelectorTerms: [
        {
          matchExpressions: [
            { key: 'kubernetes.io/arch', operator: 'In', values: ['amd64', 'arm64'] },
            { key: 'gpu', operator: 'DoesNotExist' },
            { key: 'cores', operator: 'Gt', values: ['8'] },
          ],
          matchFields: [{ key: 'metadata.name', operator: 'NotIn', values: ['node-1'] }],
        },
        {},
      ],
    },
    [preferred]: [
      {
        weight: 100,
        preference: { matchExpressions: [{ key: 'a', operator: 'In', values: ['any text'] }] },
      },
    ],
  },
  podAffinity: {
    [required]: [
      {
        topologyKey: 'topology.kubernetes.io/zone',
        labelSelector: {
          matchLabels: { app: 'db' },
          matchExpressions: [{ key: 'tier', operator: 'Exists' }],
        },
        matchLabelKeys: ['release'],
        mismatchLabelKeys: ['tenant'],
        namespaceSelector: {},
        namespaces: ['team-a'],
      },
    ],
  },
  podAntiAffinity: {
    [preferred]: [{ weight: 1, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname' } }],
  },
};

/** An affinity with one required term of nodes. */
const nodes = (term: unknown) =>
  JSON.stringify({ nodeAffinity: { [required]: { nodeSelectorTerms: [term] } } });

/** An affinity with one required term of pods. */
const pods = (term: object) =>
  JSON.stringify({ podAffinity: { [required]: [{ topologyKey: 'zone', ...term }] } });

const requirement = (operator: string, values?: string[]) =>
  nodes({ matchExpressions: [{ key: 'a', operator, values }] });

describe('spec.affinity', () => {
  it('is a JSON affinity with every field of its type', () => {
    expect(read({ affinity: JSON.stringify(fullAffinity) })).toEqual({
      spec: expect.objectContaining({ affinity: fullAffinity }),
      findings: [],
    });
  });

  it.each([['null'], ['{}'], ['{"nodeAffinity":null}']])('is unset if empty: %s', (affinity) => {
    expect(read({ affinity })).toEqual({
      spec: expect.objectContaining({ affinity: undefined }),
      findings: [],
    });
  });

  it('has field names in any case, and comes back in the right one', () => {
    const folded = JSON.stringify(fullAffinity).replace(/"\w+":/g, (key) =>
      // Labels are the user's own: their case counts.
      key === '"app":' ? key : key.toUpperCase(),
    );
    expect(read({ affinity: folded }).spec.affinity).toEqual(fullAffinity);
  });

  it('has no empty values where the API server keeps none', () => {
    const labelSelector = { matchLabels: {}, matchExpressions: [] };
    const term = { topologyKey: 'zone', namespaces: [], labelSelector, namespaceSelector: {} };
    const affinity = JSON.stringify({
      nodeAffinity: {
        [required]: {
          nodeSelectorTerms: [
            { matchFields: [], matchExpressions: [] },
            { matchExpressions: [{ key: 'gpu', operator: 'Exists', values: [] }] },
          ],
        },
        [preferred]: [],
      },
      podAffinity: { [required]: [term], [preferred]: [] },
    });
    expect(read({ affinity })).toEqual({
      spec: expect.objectContaining({
        affinity: {
          nodeAffinity: {
            [required]: {
              nodeSelectorTerms: [{}, { matchExpressions: [{ key: 'gpu', operator: 'Exists' }] }],
            },
          },
          podAffinity: {
            // A selector without requirements is one that all pods meet, an absent one none.
            [required]: [{ topologyKey: 'zone', labelSelector: {}, namespaceSelector: {} }],
          },
        },
      }),
      findings: [],
    });
  });

  it('keeps the empty values of labels, which the API server keeps too', () => {
    const labelSelector = { matchLabels: { a: '' } };
    const affinity = { podAffinity: { [required]: [{ topologyKey: 'zone', labelSelector }] } };
    expect(read({ affinity: JSON.stringify(affinity) }).spec.affinity).toEqual(affinity);
    const values = JSON.parse(requirement('In', ['']));
    expect(read({ affinity: JSON.stringify(values) }).spec.affinity).toEqual(values);
  });

  it('takes the last of several fields with one name', () => {
    const { spec } = read({ affinity: '{"nodeAffinity":1,"NodeAffinity":{}}' });
    expect(spec.affinity).toEqual({ nodeAffinity: {} });
  });

  it('drops unknown fields, with a remark for each', () => {
    const affinity = '{"nodeAfinity":{},"podAffinity":{"caf\\u00e9":1},"__proto__":{"x":1}}';
    const { spec, findings } = read({ affinity });
    expect(spec.affinity).toEqual({ podAffinity: {} });
    expect(findings).toEqual([
      'note UnknownField: spec.affinity has the unknown field "nodeAfinity", which is ignored; check its spelling.',
      'note UnknownField: spec.affinity has the unknown field "podAffinity.caf\\u00e9", which is ignored; check its spelling.',
      'note UnknownField: spec.affinity has the unknown field "__proto__", which is ignored; check its spelling.',
    ]);
  });

  it.each([
    ['[]', ': it is an array; write'],
    ['{"nodeAffinity":[]}', 'nodeAffinity must be an object, not an array'],
    [`{"nodeAffinity":{"${required}":{}}}`, 'needs "nodeSelectorTerms"'],
    [`{"nodeAffinity":{"${required}":{"nodeSelectorTerms":[]}}}`, 'must not be empty'],
    [nodes({ matchExpressions: [{ operator: 'Exists' }] }), 'matchExpressions[0] needs "key"'],
    [nodes({ matchExpressions: [{ key: 'a' }] }), 'matchExpressions[0] needs "operator"'],
    [nodes({ matchExpressions: [{ key: 'a b', operator: 'Exists' }] }), 'not a label key'],
    [requirement('in', ['b']), '.operator is "in"; allowed: In, NotIn, Exists'],
    [requirement('In'), 'matchExpressions[0]: In needs at least one value'],
    [requirement('NotIn', []), 'NotIn needs at least one value'],
    [requirement('Exists', ['b']), 'Exists needs an absent or empty list of values'],
    [requirement('DoesNotExist', ['b']), 'DoesNotExist needs an absent or empty list'],
    [requirement('Gt', ['1', '2']), 'Gt needs exactly one value'],
    [requirement('Lt'), 'Lt needs exactly one value'],
    [requirement('In', ['b c']), '.values[0] has "b c", which is not a label value'],
    [
      nodes({ matchFields: [{ key: 'metadata.uid', operator: 'In', values: ['a'] }] }),
      '.key is "metadata.uid"; allowed: metadata.name',
    ],
    [
      nodes({ matchFields: [{ key: 'metadata.name', operator: 'Exists', values: ['a'] }] }),
      '.operator is "Exists"; allowed: In, NotIn',
    ],
    [
      nodes({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a', 'b'] }] }),
      '.values must NOT have more than 1 items',
    ],
    [
      nodes({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['A'] }] }),
      'which is not the name of a node',
    ],
    [`{"nodeAffinity":{"${preferred}":[{"weight":0,"preference":{}}]}}`, 'weight must be >= 1'],
    [`{"nodeAffinity":{"${preferred}":[{"weight":101,"preference":{}}]}}`, 'weight must be <= 100'],
    [`{"nodeAffinity":{"${preferred}":[{"preference":{}}]}}`, 'needs "weight"'],
    [`{"podAntiAffinity":{"${required}":[{}]}}`, 'needs "topologyKey"'],
    [pods({ topologyKey: '' }), 'topologyKey has "", which is not a label key'],
    [pods({ namespaces: ['Team'] }), 'which is not the name of a namespace'],
    [pods({ labelSelector: { matchLabels: { 'a b': 'c' } } }), 'which is not a label key'],
    [pods({ labelSelector: { matchLabels: { a: 1 } } }), 'matchLabels.a must be a string'],
    [
      pods({ labelSelector: { matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] } }),
      'allowed: In, NotIn, Exists, DoesNotExist',
    ],
    [
      pods({ namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }),
      'namespaceSelector.matchExpressions[0]: In needs at least one value',
    ],
    [pods({ matchLabelKeys: ['a'] }), 'need a labelSelector'],
    [pods({ mismatchLabelKeys: ['a'] }), 'need a labelSelector'],
    [
      pods({ labelSelector: {}, matchLabelKeys: ['a'], mismatchLabelKeys: ['a'] }),
      '"a" in both matchLabelKeys and mismatchLabelKeys',
    ],
    [
      pods({ labelSelector: { matchLabels: { a: 'b' } }, matchLabelKeys: ['a'] }),
      '"a" in both matchLabelKeys and labelSelector',
    ],
    [
      pods({
        labelSelector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] },
        matchLabelKeys: ['a'],
      }),
      '"a" in both matchLabelKeys and labelSelector',
    ],
  ])('holds everything where the API server would refuse it: %s', (affinity, reason) => {
    const { spec, findings } = read({ affinity });
    expect(spec.affinity).toBeUndefined();
    expect(findings).toEqual([expect.stringMatching(/^hold InvalidAffinity: spec\.affinity: /)]);
    expect(findings[0]).toContain(reason);
  });

  it.each([
    ['64 levels', `${'['.repeat(64)}${']'.repeat(64)}`, 'it is an array; write'],
    ['65 levels', `${'['.repeat(65)}${']'.repeat(65)}`, 'nested more than 64 levels deep'],
    ['levels of a text that ends early', '{"a":'.repeat(10_000), 'nested more than 64 levels'],
    ['brackets in strings', `{"a":"${'['.repeat(99)}\\"${'['.repeat(99)}"`, 'it is not JSON'],
    ['100,000 levels', '['.repeat(100_000), '100,000 bytes; at most 65,536'],
    ['a text of 2 MB', ' '.repeat(60).concat('x'.repeat(900_000)), '900,000 bytes; at most 65,536'],
    ['64 KiB of ends', ']'.repeat(65_536), `"${']'.repeat(40)}..." is not JSON`],
    ['64 KiB of one string', `"${'\\\\'.repeat(32_000)}`, '..." is not JSON'],
  ])('is bounded in depth and size: %s', (_name, affinity, reason) => {
    expect(read({ affinity }).findings).toEqual([expect.stringContaining(reason)]);
  });

  it('may be as deep and as long as the bounds say', () => {
    const deep = `{"x":${'['.repeat(63)}${']'.repeat(63)},"y":"${'z'.repeat(60_000)}"}`;
    expect(read({ affinity: deep }).findings).toEqual([
      expect.stringContaining('unknown field "x"'),
      expect.stringContaining('unknown field "y"'),
    ]);
  });
});

describe('pods of the cache that must not be near each other', () => {
  const daemonsetName = 'mine';
  const own = { labelSelector: { matchLabels: { test: 'daemonset-test' } } };
  const about = (requirement: object) => ({ labelSelector: { matchExpressions: [requirement] } });

  /** What is said of terms that pods of the cache are required to be apart by. */
  function said(...terms: readonly object[]): readonly string[] {
    const all = terms.map((term) => ({ topologyKey: 'kubernetes.io/hostname', ...term }));
    const affinity = JSON.stringify({ podAntiAffinity: { [required]: all } });
    return read({ affinity, daemonsetName }).findings;
  }

  it('are noted with the term that says so, and what comes of it', () => {
    expect(said({}, own)).toEqual([
      `note SelfAntiAffinity: spec.affinity: podAntiAffinity.${required}[1] keeps pods of the cache from each other, so no new one comes beside an old one: every change takes the images from a node for a moment, and where the list is split over several pods, a node gets only one of them; leave it out, as no node gets two pods of a DaemonSet anyway.`,
    ]);
  });

  it.each<[string, object]>([
    ['by one of their labels', own],
    ['by all labels', { labelSelector: {} }],
    ['wherever they are', { ...own, topologyKey: 'topology.kubernetes.io/zone' }],
    [
      'by the DaemonSet',
      about({ key: 'che.eclipse.org/daemonset', operator: 'In', values: ['mine'] }),
    ],
    [
      'by their having a puller',
      about({ key: 'che.eclipse.org/image-puller-uid', operator: 'Exists' }),
    ],
    ['by what they are not', about({ key: 'app', operator: 'NotIn', values: ['web'] })],
    ['by what they lack', about({ key: 'constructor', operator: 'DoesNotExist' })],
    ['in all namespaces', { ...own, namespaceSelector: {} }],
    ['with the same value of a label of theirs', { labelSelector: {}, matchLabelKeys: ['test'] }],
    ['with the same value of a label that they lack', { ...own, matchLabelKeys: ['app'] }],
    ['of another revision', { ...own, mismatchLabelKeys: ['controller-revision-hash'] }],
  ])('are found %s', (_, term) => {
    expect(said(term)).toEqual([expect.stringMatching(/^note SelfAntiAffinity: /)]);
  });

  it.each<[string, object]>([
    ['nobody', {}],
    ['others', { labelSelector: { matchLabels: { app: 'web' } } }],
    [
      'those of another DaemonSet',
      about({ key: 'che.eclipse.org/daemonset', operator: 'NotIn', values: ['mine'] }),
    ],
    [
      'those of a puller',
      about({ key: 'che.eclipse.org/image-puller-uid', operator: 'NotIn', values: ['1'] }),
    ],
    ['those that lack a label of ours', about({ key: 'test', operator: 'DoesNotExist' })],
    ['those that have what ours lack', about({ key: 'constructor', operator: 'Exists' })],
    ['those of some namespaces', { ...own, namespaces: ['team'] }],
    [
      'those of namespaces with a label',
      { ...own, namespaceSelector: { matchLabels: { a: 'b' } } },
    ],
    ['those of the same revision', { ...own, matchLabelKeys: ['controller-revision-hash'] }],
    ['those of other pullers', { ...own, mismatchLabelKeys: ['che.eclipse.org/image-puller-uid'] }],
  ])('are not meant where a term is about %s', (_, term) => {
    expect(said(term)).toEqual([]);
  });

  it('may be preferred, and each may want to be near others', () => {
    const term = { topologyKey: 'zone', ...own };
    const wishes = [{ weight: 1, podAffinityTerm: term }];
    const affinity = {
      podAntiAffinity: { [preferred]: wishes },
      podAffinity: { [required]: [term] },
    };
    expect(read({ affinity: JSON.stringify(affinity), daemonsetName }).findings).toEqual([]);
  });
});
