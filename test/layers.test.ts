import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../src', import.meta.url));

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const pattern = /^(?:import|export)\s+(type\s)?(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gms;
const dynamicPattern = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

function importsOf(file: string): readonly Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const resolve = (target: string) =>
    target.startsWith('.') ? normalize(join(dirname(file), target)) : target;
  return [
    ...[...text.matchAll(pattern)].map(([, type, target = '']) => ({
      from: file,
      to: resolve(target),
      typeOnly: type !== undefined,
    })),
    ...[...text.matchAll(dynamicPattern)].map(([, target = '']) => ({
      from: file,
      to: resolve(target),
      typeOnly: false,
    })),
  ];
}

const files = globSync('**/*.ts', { cwd: root }).map((file) => relative('.', file));
const imports = files.flatMap(importsOf);
const room = (path: string) => (path.includes('/') ? path.split('/')[0] : path);

/** Rooms and files that a room may import from, besides itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  api: ['manifests/names.ts', 'errors.ts'],
  manifests: ['api', 'kube/objects.ts', 'release.ts'],
  status: [
    'api',
    'manifests/names.ts',
    'manifests/puller-resources.ts',
    'manifests/roll-strategy.ts',
    'manifests/template-images.ts',
    'kube/objects.ts',
  ],
  kube: ['clock.ts', 'errors.ts', 'log.ts'],
  metrics: ['kube', 'clock.ts', 'errors.ts', 'log.ts', 'server.ts'],
  controllers: [
    'api',
    'manifests',
    'status',
    'kube',
    'clock.ts',
    'config.ts',
    'errors.ts',
    'log.ts',
  ],
  puller: [
    'api',
    'manifests',
    'kube',
    'clock.ts',
    'command-line.ts',
    'config.ts',
    'errors.ts',
    'log.ts',
    'process.ts',
    'server.ts',
  ],
};

describe('the layers of the house', () => {
  it('are read from the sources', () => {
    expect(imports.length).toBeGreaterThan(50);
    expect(files).toContain('main.ts');
  });

  it.each(Object.entries(allowed))('%s imports only from %j and itself', (name, others) => {
    const strangers = imports
      .filter(({ from, to }) => room(from) === name && to.endsWith('.ts'))
      .filter(({ to }) => room(to) !== name)
      .filter(({ to }) => !others.some((other) => to === other || to.startsWith(`${other}/`)));
    expect(strangers).toEqual([]);
  });

  it.each(['api', 'manifests', 'status'])('%s is pure: no client, no files, no clock', (name) => {
    const pure = imports.filter(
      ({ from, to, typeOnly }) => room(from) === name && !typeOnly && !to.endsWith('.ts'),
    );
    const libraries = new Set(pure.map(({ to }) => to));
    expect([...libraries].filter((to) => to !== 'ajv' && to !== 'node:crypto')).toEqual([]);
    const impure = /\b(Date\.now\(|process\.\w|Math\.random\(|new Date\(\))/;
    const offenders = files
      .filter((path) => room(path) === name)
      .map((path) => [path, impure.exec(readFileSync(join(root, path), 'utf8'))?.[0]]);
    expect(offenders.filter(([, found]) => found !== undefined)).toEqual([]);
  });

  it('has one file that imports @dot-i/k8s-operator', () => {
    const users = files.filter((file) =>
      readFileSync(join(root, file), 'utf8').includes("'@dot-i/k8s-operator'"),
    );
    expect(users).toEqual(['kube/operator.ts']);
  });

  it('connects to a cluster for the operator and for people, and nowhere else', () => {
    const users = imports.filter(({ to, typeOnly }) => to === 'kube/http-client.ts' && !typeOnly);
    expect(users.map(({ from }) => from).sort()).toEqual(['cluster.ts', 'operator.ts']);
  });

  it('lets nothing but the demo reach into the tests', () => {
    const users = imports.filter(({ to }) => to.startsWith('../'));
    expect(users.filter(({ from }) => from !== 'cli/demo.ts')).toEqual([]);
  });

  it('has no circle, not even of types', () => {
    const importsFrom = Map.groupBy(imports, ({ from }) => from);
    // What imports only files without circles is in none: what is left over in the end is.
    let left = new Set(files);
    for (;;) {
      const inCircle = [...left].filter((file) =>
        importsFrom.get(file)?.some(({ to }) => left.has(to)),
      );
      if (inCircle.length === left.size) break;
      left = new Set(inCircle);
    }
    expect([...left]).toEqual([]);
  });

  it('has no folder for odds and ends', () => {
    expect(files.filter((file) => /utils?|helpers?|common|misc/.test(file))).toEqual([]);
  });
});
