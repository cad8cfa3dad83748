import { listedPerKind } from '../../src/api/findings.ts';
import { parseSpec } from '../../src/api/parse.ts';
import type { PullerSpec, RawSpec } from '../../src/api/types.ts';

/** What a spec comes to: its typed form, and its findings as `verdict Reason: message`. */
function read(raw: unknown): { readonly spec: PullerSpec; readonly findings: readonly string[] } {
  const { spec, findings } = parseSpec(raw as RawSpec, { maxImages: 500 });
  return {
    spec,
    findings: findings.map(({ verdict, reason, message }) => `${verdict} ${reason}: ${message}`),
  };
}

const defaultSpec: PullerSpec = {
  configMapName: 'k8s-image-puller',
  daemonsetName: 'kubernetes-image-puller',
  deploymentName: 'kubernetes-image-puller',
  images: [
    {
      container: 'che-code',
      reference: 'quay.io/che-incubator/che-code:next',
      names: ['che-code'],
    },
    {
      container: 'base-developer-image',
      reference: 'quay.io/devfile/base-developer-image:ubi9-latest',
      names: ['base-developer-image'],
    },
  ],
  cachingIntervalHours: 1,
  requests: { cpu: '.05', memory: '10Mi' },
  limits: { cpu: '.2', memory: '20Mi' },
  choosesRequest: { cpu: false, memory: false },
  nodeSelector: {},
  affinity: undefined,
  tolerations: [],
  hasLeftOutTolerations: false,
  imagePullSecrets: [],
  imagePullerImage: undefined,
};

const everyField = [
  'configMapName',
  'daemonsetName',
  'deploymentName',
  'images',
  'cachingIntervalHours',
  'cachingMemoryRequest',
  'cachingMemoryLimit',
  'cachingCPURequest',
  'cachingCPULimit',
  'nodeSelector',
  'imagePullSecrets',
  'affinity',
  'tolerations',
  'imagePullerImage',
];

const all = (value: unknown) => Object.fromEntries(everyField.map((field) => [field, value]));

describe('an unset field', () => {
  it.each([
    ['no spec', undefined],
    ['a null spec', null],
    ['an empty spec', {}],
    ['empty texts', all('')],
    ['blank texts', all(' \t\n\u00a0')],
    ['nulls', all(null)],
    ['only fields that are not ours', { unknown: 'x' }],
  ])('has the documented default: %s', (_name, raw) => {
    expect(read(raw)).toEqual({ spec: defaultSpec, findings: [] });
  });
});

describe('a value that is no string', () => {
  it.each([
    [1, 'a number'],
    [true, 'a boolean'],
    [{ a: 'b' }, 'an object'],
    [['a'], 'an array'],
  ])('holds everything and never throws: %j', (value, type) => {
    const { spec, findings } = read(all(value));
    expect(spec).toEqual(defaultSpec);
    expect(findings).toHaveLength(14);
    expect(findings).toContain(
      `hold InvalidType: spec.images is ${type}, not a string; write its value in quotes.`,
    );
  });

  it.each([
    ['a text', 'a string'],
    [7, 'a number'],
    [[], 'an array'],
  ])('may stand for the whole spec: %j', (raw, type) => {
    expect(read(raw)).toEqual({
      spec: defaultSpec,
      findings: [`hold InvalidType: spec is ${type}, not an object.`],
    });
  });
});

describe('spec.images', () => {
  it('is read as a list of name=image', () => {
    const { spec, findings } = read({ images: 'b=q.io/b:1;a=q.io/a:1;' });
    expect(spec.images.map(({ reference }) => reference)).toEqual(['q.io/a:1', 'q.io/b:1']);
    expect(findings).toEqual([]);
  });

  it('may ask for no images at all', () => {
    expect(read({ images: '{}' })).toEqual({ spec: { ...defaultSpec, images: [] }, findings: [] });
  });

  it.each([[';'], [';;'], [' ; \n;\u00a0']])(
    'counts as unset if it is nothing but separators, and it is said: %j',
    (images) => {
      expect(read({ images })).toEqual({
        spec: defaultSpec,
        findings: [
          'fix MendedInput: spec.images has nothing but separators and counts as unset, so the default images are cached; write {} to cache none.',
        ],
      });
    },
  );

  it('may turn out to have none that can be used', () => {
    const { spec, findings } = read({ images: 'a=b=c' });
    expect(spec.images).toEqual([]);
    expect(findings).toEqual([expect.stringMatching(/^skip InvalidImages: /)]);
  });

  it('holds everything above the operator’s limit', () => {
    const images = Array.from({ length: 501 }, (_, index) => `n${index}=q.io/${index}:1`).join(';');
    const { spec, findings } = read({ images, daemonsetName: 'mine' });
    expect(spec).toEqual({ ...defaultSpec, daemonsetName: 'mine' });
    expect(findings).toEqual([expect.stringMatching(/^hold TooManyImages: /)]);
  });

  it('is not blamed for the default images where the operator allows fewer', () => {
    const { spec, findings } = parseSpec({}, { maxImages: 1 });
    expect(spec.images).toEqual(defaultSpec.images);
    expect(findings.map(({ reason, message }) => `${reason}: ${message}`)).toEqual([
      "TooManyImages: spec.images is unset, and there are 2 default images, while the operator allows 1 image; list what to cache, write {} to cache nothing, or raise the operator's MAX_IMAGES.",
    ]);
    const one = { maxImages: 1, allowedRegistries: ['quay.io/devfile'] };
    expect(parseSpec({}, one).spec.images).toEqual(defaultSpec.images.slice(1));
    expect(parseSpec({}, one).findings.map(({ reason }) => reason)).toEqual(['RegistryNotAllowed']);
  });

  it('holds everything if no ConfigMap can hold it', () => {
    const images = 'x=q.io/x:1;'.repeat(100_000);
    expect(read({ images, daemonsetName: 'mine' })).toEqual({
      spec: defaultSpec,
      findings: [
        'hold SpecTooLarge: spec.images has 1,100,000 bytes of text, and at most 983,040 fit a ConfigMap; shorten it or split the list of images over several pullers.',
      ],
    });
  });

  it('is measured in bytes, together with all other texts', () => {
    const half = '\u00e9'.repeat(245_761);
    expect(read({ images: half, affinity: half }).findings).toEqual([
      expect.stringMatching(/^hold SpecTooLarge: spec has 983,044 bytes/),
    ]);
  });

  it('has no more findings than anybody can read, however many faults', () => {
    const images = 'a=b=c;'.repeat(1_900);
    expect(read({ images }).findings).toHaveLength(listedPerKind + 1);
  });
});

describe('names of objects', () => {
  it.each([['a'], ['my-ds.v2'], ['x'.repeat(230)]])('are taken if valid: %s', (name) => {
    const { spec, findings } = read({
      daemonsetName: name,
      deploymentName: name,
      configMapName: name,
    });
    expect(spec).toEqual({
      ...defaultSpec,
      daemonsetName: name,
      deploymentName: name,
      configMapName: name,
    });
    expect(findings).toEqual([]);
  });

  it.each([
    ['My_DS', 'is "My_DS", which cannot name an object'],
    ['..', 'is "..", which cannot name an object'],
    ['a-', 'is "a-", which cannot name an object'],
    ['a b', 'is "a b", which cannot name an object'],
    ['x'.repeat(231), 'has 231 characters; shorten it to 230'],
  ])('hold everything if not: %s', (name, reason) => {
    for (const field of ['configMapName', 'daemonsetName', 'deploymentName']) {
      const { spec, findings } = read({ [field]: name });
      expect(spec).toEqual(defaultSpec);
      expect(findings).toEqual([
        expect.stringContaining(`hold InvalidName: spec.${field} ${reason}`),
      ]);
    }
  });

  it('hold everything if two of our own would be alike', () => {
    const { spec, findings } = read({ deploymentName: 'mine', configMapName: 'mine-report' });
    expect(spec).toEqual({ ...defaultSpec, deploymentName: 'mine' });
    expect(findings).toEqual([
      'hold InvalidName: spec.configMapName is "mine-report", which is the name of the report of spec.deploymentName "mine"; choose another one.',
    ]);
  });

  it('are taken without white space around them', () => {
    const { spec, findings } = read({ daemonsetName: ' mine\n' });
    expect(spec.daemonsetName).toBe('mine');
    expect(findings).toEqual([
      'fix MendedInput: spec.daemonsetName has white space around "mine", which is ignored; remove it.',
    ]);
  });
});

describe('spec.cachingIntervalHours', () => {
  it.each([
    ['1', 1],
    ['600', 600],
    ['8760', 8760],
    ['+2', 2],
    ['0002', 2],
  ])('is a whole number of hours: %s', (cachingIntervalHours, hours) => {
    const { spec, findings } = read({ cachingIntervalHours });
    expect(spec.cachingIntervalHours).toBe(hours);
    expect(findings).toEqual([]);
  });

  it.each([
    ['0', 1],
    ['-0', 1],
    ['-5', 1],
    ['1.5', 1],
    ['1h', 1],
    ['abc', 1],
    ['1e3', 1],
    ['0x10', 1],
    ['10abc', 1],
    ['\uff12', 1],
    ['1 0', 1],
    ['8761', 8760],
    ['2562048', 8760],
    ['9'.repeat(400), 8760],
    ['-'.concat('9'.repeat(400)), 1],
    [' 2 ', 2],
  ])('is mended if not, and it is said: %s', (cachingIntervalHours, hours) => {
    const { spec, findings } = read({ cachingIntervalHours });
    expect(spec.cachingIntervalHours).toBe(hours);
    expect(findings).toEqual([
      expect.stringMatching(/^fix MendedInput: spec\.cachingIntervalHours (is|has white space)/),
    ]);
  });
});

const quantityFields = [
  ['cachingCPURequest'],
  ['cachingCPULimit'],
  ['cachingMemoryRequest'],
  ['cachingMemoryLimit'],
];

describe('quantities', () => {
  it('are taken in the user’s spelling', () => {
    const { spec, findings } = read({
      cachingCPURequest: '1e-20',
      cachingCPULimit: '1e1',
      cachingMemoryRequest: '0',
      cachingMemoryLimit: '+5.Gi',
    });
    expect(spec.requests).toEqual({ cpu: '1e-20', memory: '0' });
    expect(spec.limits).toEqual({ cpu: '1e1', memory: '+5.Gi' });
    expect(findings).toEqual([]);
  });

  it.each(quantityFields)('that are none fall back to the default: spec.%s', (field) => {
    const bad = ['10mi', '10MB', '10K', '10 Mi', 'NaN', '0x10', '1_000', '1,5', '50%', '\u221e'];
    for (const value of [...bad, '\uff11\uff10Mi', '-1', 'm', 'Mi', '.', '1'.repeat(999)]) {
      const { spec, findings } = read({ [field]: value });
      expect(spec).toEqual(defaultSpec);
      expect(findings).toEqual([
        expect.stringMatching(
          new RegExp(`^default InvalidField: spec\\.${field} is .*, which cannot`),
        ),
      ]);
    }
  });

  it('say what was probably meant', () => {
    expect(read({ cachingMemoryLimit: '10MB' }).findings[0]).toMatch(
      /; perhaps 10M or 10Mi is meant\.$/,
    );
    expect(read({ cachingMemoryLimit: '-1' }).findings[0]).toMatch(
      /the default "20Mi" is: it is negative\.$/,
    );
  });

  it('are taken without white space around them', () => {
    const { spec, findings } = read({ cachingMemoryLimit: '30Mi ' });
    expect(spec.limits.memory).toBe('30Mi');
    expect(findings).toEqual([
      expect.stringMatching(/^fix MendedInput: .* has white space around "30Mi"/),
    ]);
  });

  it.each([
    [
      { cachingCPURequest: '300m', cachingCPULimit: '.25' },
      'spec.cachingCPULimit: spec.cachingCPURequest ("300m") is above the limit ".25", so the limit is raised to it; raise the limit or lower the request.',
    ],
    [
      { cachingMemoryRequest: '1Gi', cachingMemoryLimit: '1023Mi' },
      'spec.cachingMemoryLimit: spec.cachingMemoryRequest ("1Gi") is above the limit "1023Mi", so the limit is raised to it; raise the limit or lower the request.',
    ],
    [
      { cachingCPURequest: '1' },
      'spec.cachingCPULimit: spec.cachingCPURequest ("1") is above the default limit .2, so the limit is raised to it.',
    ],
    [
      { cachingMemoryRequest: '21Mi', cachingMemoryLimit: '' },
      'spec.cachingMemoryLimit: spec.cachingMemoryRequest ("21Mi") is above the default limit 20Mi, so the limit is raised to it.',
    ],
  ])('raise a limit to the request that the user wrote: %j', (raw: RawSpec, message) => {
    const { spec, findings } = read(raw);
    const { cachingCPURequest: cpu = '.05', cachingMemoryRequest: memory = '10Mi' } = raw;
    expect(spec.requests).toEqual({ cpu, memory });
    expect(spec.limits).toEqual({
      cpu: '.2',
      memory: '20Mi',
      ...(raw.cachingCPURequest ? { cpu } : { memory }),
    });
    expect(findings).toEqual([`fix MendedInput: ${message}`]);
  });

  it('lower a default request to the limit that the user wrote', () => {
    const { spec, findings } = read({ cachingMemoryLimit: '4Mi' });
    expect(spec.requests.memory).toBe('4Mi');
    expect(spec.limits.memory).toBe('4Mi');
    expect(findings).toEqual([
      'fix MendedInput: spec.cachingMemoryLimit: the default request 10Mi is above the limit "4Mi", so the request is lowered to it.',
    ]);
  });

  it('lower the default request that stands in for one that cannot be used', () => {
    const { spec, findings } = read({ cachingCPURequest: 'lots', cachingCPULimit: '10m' });
    expect(spec.requests.cpu).toBe('10m');
    expect(findings).toEqual([
      expect.stringMatching(/^default InvalidField: spec\.cachingCPURequest is "lots"/),
      'fix MendedInput: spec.cachingCPULimit: the default request .05 is above the limit "10m", so the request is lowered to it.',
    ]);
  });

  it('may be equal in another spelling', () => {
    const { spec, findings } = read({ cachingMemoryRequest: '1024Mi', cachingMemoryLimit: '1Gi' });
    expect(spec.limits.memory).toBe('1Gi');
    expect(findings).toEqual([]);
  });

  it.each([['1'], ['100m'], ['4095Ki']])('too low to start with are remarked on: %s', (limit) => {
    const { spec, findings } = read({ cachingMemoryRequest: '0', cachingMemoryLimit: limit });
    expect(spec.limits.memory).toBe(limit);
    expect(findings).toEqual([
      `note LowMemoryLimit: spec.cachingMemoryLimit is "${limit}", and containers do not start with less than 4Mi; write at least that.`,
    ]);
  });

  it.each<[string, RawSpec]>([
    ['10Mi', { cachingMemoryLimit: '0' }],
    ['5Mi', { cachingMemoryRequest: '5Mi', cachingMemoryLimit: '0' }],
    ['0', { cachingMemoryRequest: '0', cachingMemoryLimit: '0' }],
  ])('of zero are no limit, whatever is requested: %s', (request, raw) => {
    const { spec, findings } = read(raw);
    expect(spec.limits.memory).toBe('0');
    expect(spec.requests.memory).toBe(request);
    expect(findings).toEqual([]);
  });

  it.each([
    ['cachingCPULimit', '1E'],
    ['cachingCPULimit', '1k'],
    ['cachingMemoryLimit', '1E'],
    ['cachingMemoryLimit', '9223372036854775808'],
    ['cachingMemoryLimit', '100Ti'],
  ])('that no node has are remarked on: spec.%s %s', (field, value) => {
    expect(read({ [field]: value }).findings).toEqual([
      `note HugeQuantity: spec.${field} is "${value}", which is more than any node has; its containers sleep and need little.`,
    ]);
  });
});

describe('spec.imagePullSecrets', () => {
  it.each([
    ['a', ['a']],
    ['b;a', ['b', 'a']],
    [' a ;\n b.c; ', ['a', 'b.c']],
  ])('is a list of names: %j', (imagePullSecrets, secrets) => {
    expect(read({ imagePullSecrets })).toEqual({
      spec: { ...defaultSpec, imagePullSecrets: secrets },
      findings: [],
    });
  });

  it.each([
    ['a;;b', '1 empty or repeated entry, which is'],
    ['a;a;b;a', '2 empty or repeated entries, which are'],
    [';a;b', '1 empty or repeated entry, which is'],
  ])('is mended where entries are empty or repeated: %s', (imagePullSecrets, ignored) => {
    const { spec, findings } = read({ imagePullSecrets });
    expect(spec.imagePullSecrets).toEqual(['a', 'b']);
    expect(findings).toEqual([`fix MendedInput: spec.imagePullSecrets has ${ignored} ignored.`]);
  });

  it.each([
    ['a,b', 'separate names by ";"'],
    ['A_b', 'use a-z, 0-9'],
    ['x'.repeat(254), 'use a-z, 0-9'],
  ])('goes on without a name that no Secret can have: %s', (name, remedy) => {
    const { spec, findings } = read({ imagePullSecrets: `ok;${name}` });
    expect(spec.imagePullSecrets).toEqual(['ok']);
    expect(findings).toEqual([
      expect.stringMatching(/^skip InvalidImagePullSecrets: .* is left out/),
    ]);
    expect(findings[0]).toContain(remedy);
  });
});

describe('spec.imagePullerImage', () => {
  const digest = `sha256:${'ab'.repeat(32)}`;

  it('is the user’s own source of the sleep program', () => {
    expect(read({ imagePullerImage: 'mirror.example.com/puller:1' })).toEqual({
      spec: { ...defaultSpec, imagePullerImage: 'mirror.example.com/puller:1' },
      findings: [],
    });
  });

  it('is remarked on if it means latest', () => {
    const { spec, findings } = read({ imagePullerImage: 'mirror.example.com/puller' });
    expect(spec.imagePullerImage).toBe('mirror.example.com/puller');
    expect(findings).toEqual([
      'note ImplicitLatest: spec.imagePullerImage: "mirror.example.com/puller" has no tag, so "latest" is meant; write the tag or digest you want.',
    ]);
  });

  it.each([
    ['quay.io/eclipse/kubernetes-image-puller:next'],
    ['quay.io/eclipse/kubernetes-image-puller:1.1.1'],
    ['quay.io/eclipse/kubernetes-image-puller'],
    [`quay.io/eclipse/kubernetes-image-puller@${digest}`],
    ['registry.redhat.io/devspaces/imagepuller-rhel8'],
    ['registry.redhat.io/devspaces/imagepuller-rhel9:3.16'],
    ['registry.redhat.io/codeready-workspaces/imagepuller-rhel8:2.12'],
    [`registry.redhat.io/devspaces/imagepuller-rhel8@${digest}`],
  ])('counts as unset where a machine wrote it: %s', (imagePullerImage) => {
    expect(read({ imagePullerImage })).toEqual({ spec: defaultSpec, findings: [] });
  });

  it.each([
    ['quay.io/eclipse/kubernetes-image-puller-operator:next'],
    ['mirror.example.com/eclipse/kubernetes-image-puller:next'],
    ['registry.redhat.io/devspaces/udi-rhel8:3.16'],
  ])('is the user’s own although it looks alike: %s', (imagePullerImage) => {
    expect(read({ imagePullerImage }).spec.imagePullerImage).toBe(imagePullerImage);
  });

  it('falls back to the operator’s own if it is no reference', () => {
    expect(read({ imagePullerImage: 'docker://puller' })).toEqual({
      spec: defaultSpec,
      findings: [
        'default InvalidField: spec.imagePullerImage is "docker://puller", which is not an image reference, so the operator\'s own image is used: it begins with "docker://"; drop the scheme.',
      ],
    });
  });
});
