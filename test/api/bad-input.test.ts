import { existsSync, readFileSync } from 'node:fs';
import { parseSpec } from '../../src/api/parse.ts';
import { quote } from '../../src/api/text.ts';
import { type PullerSpec, type RawSpec, type SpecField, specFields } from '../../src/api/types.ts';
import { shortHash } from '../../src/manifests/names.ts';

/** An input of a row of README.md, what the typed spec then has, and what is said about it. */
interface Case {
  readonly row: number;
  readonly input: string;
  readonly spec: object;
  readonly used: Partial<PullerSpec>;
  /** `verdict Reason` of every finding. */
  readonly said: readonly string[];
}

/** Several texts of one field that come to the same. */
function texts(
  [row, field]: readonly [row: number, field: SpecField],
  values: readonly unknown[],
  { used = {}, said = [] }: Partial<Pick<Case, 'used' | 'said'>>,
): readonly Case[] {
  return values.map((value) => ({
    row,
    input: `spec.${field} ${quote(String(value), 60)}`,
    spec: { [field]: value },
    used,
    said,
  }));
}

/** An image in a container of its name. */
function image(name: string, reference = `q.io/${name}:1`, container = name) {
  return { container, reference, names: [name] };
}

const x = image('x');
const defaults = parseSpec({}, { maxImages: 500 }).spec;
const sha256 = 'ab'.repeat(32);
const manyImages = (count: number) =>
  Array.from({ length: count }, (_, index) => `i${index}=q.io/${index}:1`).join(';');

/** Entries that are left out beside one that stays. */
function skipped(row: number, entries: readonly string[]): readonly Case[] {
  const lists = entries.map((entry) => `x=q.io/x:1;${entry}`);
  return texts([row, 'images'], lists, { used: { images: [x] }, said: ['skip InvalidImages'] });
}

const lists: readonly Case[] = [
  ...texts([1, 'images'], ['', ' \n'], { used: { images: defaults.images } }),
  ...texts([2, 'images'], ['{}', ' {} '], { used: { images: [] } }),
  ...texts([3, 'images'], ['x=q.io/x:1;', 'x=q.io/x:1\n', '\n  x=q.io/x:1;\n  '], {
    used: { images: [x] },
  }),
  ...texts([4, 'images'], [';;x=q.io/x:1;;'], {
    used: { images: [x] },
    said: ['fix MendedInput'],
  }),
  ...texts([4, 'images'], [';', ' ;; '], {
    used: { images: defaults.images },
    said: ['fix MendedInput'],
  }),
  ...skipped(5, ['a=b=c']),
  ...skipped(6, ['quay.io/x:1']),
  ...texts([7, 'images'], ['=q.io/x:1'], {
    used: { images: [image('image', 'q.io/x:1')] },
    said: ['fix MendedInput'],
  }),
  ...skipped(8, ['name=', 'name= ']),
  ...texts([9, 'images'], ['x=q.io/other:1;x=q.io/x:1'], {
    used: { images: [x] },
    said: ['fix MendedInput'],
  }),
  ...texts([10, 'images'], ['x=q.io/x:1;y=q.io/x:1'], {
    used: { images: [{ ...x, names: ['x', 'y'] }] },
    said: ['fix MendedInput'],
  }),
  ...texts([11, 'images'], ['my_Image=q.io/x:1'], {
    used: { images: [image('my_Image', 'q.io/x:1', 'my-image')] },
    said: ['fix MendedInput'],
  }),
  ...texts([12, 'images'], [`${'n'.repeat(82)}=q.io/x:1`], {
    used: {
      images: [image('n'.repeat(82), 'q.io/x:1', `${'n'.repeat(54)}-${shortHash('q.io/x:1')}`)],
    },
    said: ['fix MendedInput'],
  }),
  ...texts([13, 'images'], ['a_b=q.io/x:1;a-b=q.io/y:1'], {
    used: {
      images: [image('a_b', 'q.io/x:1', `a-b-${shortHash('q.io/x:1')}`), image('a-b', 'q.io/y:1')],
    },
    said: ['fix MendedInput'],
  }),
  ...texts([14, 'images'], ['copy-sleep=q.io/x:1'], {
    used: { images: [image('copy-sleep', 'q.io/x:1', `copy-sleep-${shortHash('q.io/x:1')}`)] },
    said: ['fix MendedInput'],
  }),
  ...texts([15, 'images'], ['__proto__=q.io/x:1;constructor=q.io/y:1'], {
    used: {
      images: [image('__proto__', 'q.io/x:1', 'proto'), image('constructor', 'q.io/y:1')],
    },
    said: ['fix MendedInput'],
  }),
  ...skipped(16, ['a=quay.io/A/b:1']),
  ...skipped(17, ['a=quay.io/a b:1', 'a=quay.io/a\tb:1', 'a=quay.io/a\nb:1']),
  ...skipped(18, ['a=quay.io/a/b:', 'a=quay.io/a/b@']),
  ...skipped(19, [`a=quay.io/a:${'t'.repeat(129)}`, `a=quay.io/${'p'.repeat(256)}`]),
  ...skipped(20, [
    `a=quay.io/a@sha256:${'ab'.repeat(20)}`,
    `a=quay.io/a@sha256:${sha256.toUpperCase()}`,
    `a=quay.io/a@md5:${'ab'.repeat(16)}`,
  ]),
  ...skipped(21, [`a=${sha256}`]),
  ...skipped(22, ['a=https://quay.io/a', 'a=docker://quay.io/a']),
  ...skipped(23, ['a=/b', 'a=quay.io//b', 'a=../../etc/passwd']),
  ...skipped(24, ['rm -rf /']),
  ...skipped(25, ['a=$(KIP_IMAGE)']),
  ...skipped(26, [
    'a=quay.io/caf\u00e9',
    'a=quay.io/\uff41',
    'a=quay.io/a\u200bb',
    'a=\ufeffquay.io/a',
    'a=quay.io/a\u0000',
    'a=quay.io/a\u202eb',
  ]),
  ...[
    [27, `q.io/x:1@sha256:${sha256}`],
    [28, 'reg:99999999/a:1'],
    [29, '[::1]:5000/a:1'],
    [30, 'a:5000', 'note PortLikeTag'],
    [31, 'nginx', 'note ImplicitLatest'],
  ].flatMap(([row, reference, ...said]) =>
    texts([Number(row), 'images'], [`x=${reference}`], {
      used: { images: [image('x', String(reference))] },
      said: said.map(String),
    }),
  ),
  ...texts([33, 'images'], [manyImages(501), manyImages(1000)], { said: ['hold TooManyImages'] }),
  ...texts([34, 'images'], ['x=q.io/x:1;'.repeat(100_000)], { said: ['hold SpecTooLarge'] }),
];

const quantityFields = [
  'cachingMemoryRequest',
  'cachingMemoryLimit',
  'cachingCPURequest',
  'cachingCPULimit',
] as const;

const { requests, limits } = defaults;

/** Texts of each of the four fields for which the default is used. */
function quantities(row: number, values: readonly string[], ...said: string[]): readonly Case[] {
  return quantityFields.flatMap((field) =>
    texts([row, field], values, { used: { requests, limits }, said }),
  );
}

const amounts: readonly Case[] = [
  ...quantities(35, ['', ' ']),
  ...quantities(36, ['10mi', '10MB', '10K', '10 Mi'], 'default InvalidField'),
  ...texts([37, 'cachingMemoryLimit'], ['30Mi '], {
    used: { limits: { ...limits, memory: '30Mi' } },
    said: ['fix MendedInput'],
  }),
  ...quantities(
    38,
    ['NaN', '0x10', '1_000', '1,5', '50%', '\u221e', '\uff11\uff10Mi'],
    'default InvalidField',
  ),
  ...quantities(39, ['-1'], 'default InvalidField'),
  ...quantities(40, ['m', 'Mi', '.'], 'default InvalidField'),
  {
    row: 41,
    input: 'a request above the limit',
    spec: { cachingMemoryRequest: '30Mi', cachingMemoryLimit: '25Mi' },
    used: {
      requests: { ...requests, memory: '30Mi' },
      limits: { ...limits, memory: '30Mi' },
    },
    said: ['fix MendedInput'],
  },
  ...texts([41, 'cachingMemoryLimit'], ['4Mi'], { said: ['fix MendedInput'] }),
  ...texts([42, 'cachingMemoryRequest'], ['0'], {
    used: { requests: { ...requests, memory: '0' } },
  }),
  ...texts([42, 'cachingMemoryLimit'], ['0', '0Mi', '-0'], { used: { requests } }),
  ...texts([42, 'cachingCPULimit'], ['0'], { used: { requests } }),
  {
    row: 42,
    input: 'neither request nor limit',
    spec: { cachingMemoryRequest: '0', cachingMemoryLimit: '0' },
    used: { requests: { ...requests, memory: '0' }, limits: { ...limits, memory: '0' } },
    said: [],
  },
  {
    row: 43,
    input: 'a limit of one byte',
    spec: { cachingMemoryRequest: '1', cachingMemoryLimit: '1' },
    used: { limits: { ...limits, memory: '1' } },
    said: ['note LowMemoryLimit'],
  },
  ...['.05', '5.', '1e3', '1E3', '+1', '1e-20'].flatMap((memory) =>
    texts([44, 'cachingMemoryRequest'], [memory], {
      used: { requests: { ...requests, memory } },
    }),
  ),
  ...['1E', '9223372036854775808'].flatMap((memory) =>
    texts([45, 'cachingMemoryLimit'], [memory], {
      used: { limits: { ...limits, memory } },
      said: ['note HugeQuantity'],
    }),
  ),
];

const types: readonly Case[] = specFields.flatMap((field) => [
  ...texts([46, field], [5, true, { a: 1 }, ['a']], { used: defaults, said: ['hold InvalidType'] }),
  ...texts([47, field], [null], { used: defaults }),
]);

/** What an interval comes to. */
function hours(row: number, values: readonly string[], used: number, ...said: string[]) {
  return texts([row, 'cachingIntervalHours'], values, {
    used: { cachingIntervalHours: used },
    said,
  });
}

const intervals: readonly Case[] = [
  ...hours(48, ['0', '-5'], 1, 'fix MendedInput'),
  ...hours(49, ['1.5', '1h', 'abc', '1e3', '10abc'], 1, 'fix MendedInput'),
  ...hours(50, [' 2 '], 2, 'fix MendedInput'),
  ...hours(50, ['+2', '0002'], 2),
  ...hours(51, ['600'], 600),
  ...hours(52, ['2562048'], 8760, 'fix MendedInput'),
];

const required = 'requiredDuringSchedulingIgnoredDuringExecution';

/** An affinity with one required requirement on nodes. */
const needing = (requirement: object) =>
  JSON.stringify({
    nodeAffinity: { [required]: { nodeSelectorTerms: [{ matchExpressions: [requirement] }] } },
  });

const apart = {
  podAntiAffinity: {
    [required]: [
      {
        topologyKey: 'kubernetes.io/hostname',
        labelSelector: { matchLabels: { 'che.eclipse.org/daemonset': 'kubernetes-image-puller' } },
      },
    ],
  },
};

const placements: readonly Case[] = [
  ...texts([53, 'nodeSelector'], ['{', 'foo', '[]', '1', '"x"'], {
    said: ['hold InvalidNodeSelector'],
  }),
  ...texts([54, 'nodeSelector'], ['null', '{}'], { used: { nodeSelector: {} } }),
  ...texts([55, 'nodeSelector'], ['{"a":1}', '{"a":{"b":"c"}}'], {
    said: ['hold InvalidNodeSelector'],
  }),
  ...texts([56, 'nodeSelector'], ['{"a b":"c"}', `{"a":"${'v'.repeat(64)}"}`], {
    said: ['hold InvalidNodeSelector'],
  }),
  ...texts([57, 'nodeSelector'], ['{"a":"1","a":"2"}'], { used: { nodeSelector: { a: '2' } } }),
  ...texts([58, 'nodeSelector'], ['{"__proto__":{"x":"y"}}'], {
    used: { nodeSelector: {} },
    said: ['hold InvalidNodeSelector'],
  }),
  ...texts([60, 'tolerations'], ['{}'], { said: ['hold InvalidTolerations'] }),
  ...texts(
    [61, 'tolerations'],
    [
      '[{"key":"a","operator":"exists"}]',
      '[{"key":"a","effect":"Never"}]',
      '[{"key":"a","operator":"Exists","value":"b"}]',
      '[{"key":"a","effect":"NoSchedule","tolerationSeconds":5}]',
    ],
    { said: ['hold InvalidTolerations'] },
  ),
  ...texts([62, 'tolerations'], ['[{"operator":"Exists"}]'], {
    used: { tolerations: [{ operator: 'Exists' }] },
  }),
  ...texts([63, 'affinity'], ['{"NodeAffinity":{}}'], { used: { affinity: { nodeAffinity: {} } } }),
  ...texts([64, 'affinity'], ['{"nodeAfinity":{}}'], {
    used: { affinity: undefined },
    said: ['note UnknownField'],
  }),
  ...texts(
    [65, 'affinity'],
    [
      `{"nodeAffinity":{"${required}":{"nodeSelectorTerms":[]}}}`,
      needing({ key: 'a', operator: 'in', values: ['b'] }),
      needing({ key: 'a', operator: 'In' }),
    ],
    { said: ['hold InvalidAffinity'] },
  ),
  ...texts([66, 'affinity'], ['{"a":'.repeat(65), '['.repeat(100_000), 'x'.repeat(900_000)], {
    said: ['hold InvalidAffinity'],
  }),
  ...texts([67, 'affinity'], [JSON.stringify(apart)], {
    used: { affinity: apart },
    said: ['note SelfAntiAffinity'],
  }),
];

const names: readonly Case[] = [
  ...(['daemonsetName', 'deploymentName', 'configMapName'] as const).flatMap((field) =>
    texts([68, field], ['My_DS', 'n'.repeat(231), '..', 'a-'], { said: ['hold InvalidName'] }),
  ),
  {
    row: 68,
    input: 'two of our own names alike',
    spec: { deploymentName: 'mine', configMapName: 'mine-report' },
    used: {},
    said: ['hold InvalidName'],
  },
  ...texts([74, 'imagePullSecrets'], ['a,b', 'A_b'], {
    used: { imagePullSecrets: [] },
    said: ['skip InvalidImagePullSecrets'],
  }),
  ...texts([74, 'imagePullSecrets'], ['a;;b', 'a;b;a'], {
    used: { imagePullSecrets: ['a', 'b'] },
    said: ['fix MendedInput'],
  }),
  ...texts([76, 'imagePullerImage'], ['docker://a', 'quay.io/A/b:1'], {
    used: { imagePullerImage: undefined },
    said: ['default InvalidField'],
  }),
  ...texts(
    [77, 'imagePullerImage'],
    [
      'quay.io/eclipse/kubernetes-image-puller:next',
      'quay.io/eclipse/kubernetes-image-puller:1.1.1',
    ],
    { used: { imagePullerImage: undefined } },
  ),
];

const cases = [...lists, ...amounts, ...types, ...intervals, ...placements, ...names];

describe('what becomes of bad input', () => {
  it.each(cases)('row $row: $input', ({ spec, used, said }) => {
    const parsed = parseSpec(spec as RawSpec, { maxImages: 500 });
    expect(parsed.spec).toEqual(expect.objectContaining(used));
    expect(parsed.findings.map(({ verdict, reason }) => `${verdict} ${reason}`)).toEqual(said);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});

describe('the table of bad inputs', () => {
  const root = new URL('../../', import.meta.url);
  const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
  const rows = read('test/api/README.md')
    .split('\n')
    .filter((line) => /^\| [0-9]+ \|/.test(line))
    .map((line) => {
      const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
      return { row: Number(cells[1]), tested: cells.at(-2) ?? '' };
    });

  it('has every row once, in order', () => {
    expect(rows.map(({ row }) => row)).toEqual(Array.from({ length: 80 }, (_, index) => index + 1));
  });

  it('says of exactly the rows above that they are tested here', () => {
    const here = rows.filter(({ tested }) => /`test\/api`/.test(tested)).map(({ row }) => row);
    expect([...new Set(cases.map(({ row }) => row))].sort((a, b) => a - b)).toEqual(here);
  });

  it.each(rows)('names tests that there are, for row $row', ({ tested }) => {
    const elsewhere = [...tested.matchAll(/`([^`]+\.test\.ts)`, "([^"]+)"/g)];
    expect(elsewhere.length > 0 || /`test\/api`/.test(tested)).toBe(true);
    const missing = elsewhere
      .map(([, file = '', title = '']) => ({ file, title }))
      .filter(({ file, title }) => !existsSync(new URL(file, root)) || !read(file).includes(title));
    expect(missing).toEqual([]);
  });
});
