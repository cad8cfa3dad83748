import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ParseSettings, parseSpec } from '../../src/api/parse.ts';
import type { RawSpec } from '../../src/api/types.ts';
import { ConfigError, UsageError } from '../../src/errors.ts';
import { configMap } from '../../src/manifests/config-map.ts';
import { identityOf } from '../../src/manifests/input.ts';
import { pullerOptions, readConfig } from '../../src/puller/puller.ts';
import { aPuller } from '../pullers.ts';

const directories: string[] = [];

afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true });
});

/** A directory with one file for each key, as a mounted ConfigMap looks. */
function mounted(data: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'puller-'));
  directories.push(directory);
  for (const [key, value] of Object.entries(data)) writeFileSync(join(directory, key), value);
  return directory;
}

/** The data that the operator writes for a puller. */
function dataOf(
  puller: ReturnType<typeof aPuller>,
  limits: Partial<ParseSettings> = {},
): Record<string, string> {
  const { spec } = parseSpec(puller.spec, { maxImages: 500, ...limits });
  const settings = {
    operatorImage: 'registry.example/operator:2',
    sleeperImage: 'registry.example/sleeper:1',
    maxSurge: 1,
    openshift: false,
    allowedRegistries: limits.allowedRegistries ?? [],
  };
  return configMap({ puller: identityOf(puller), raw: puller.spec, spec, settings })[
    'data'
  ] as Record<string, string>;
}

describe('the configuration of a managed puller', () => {
  it('is what the operator wrote into the ConfigMap', async () => {
    const puller = aPuller({ images: 'b=quay.io/example/b:1;a=quay.io/example/a:1' });
    const { spec, findings } = await readConfig(mounted(dataOf(puller)));
    expect(spec).toEqual({
      ...parseSpec(puller.spec, { maxImages: 500 }).spec,
      // It holds the values in effect, so all of them look chosen.
      choosesRequest: { cpu: true, memory: true },
    });
    expect(findings).toEqual([]);
  });

  it.each<[string, RawSpec]>([
    ['some images', { images: ' a=quay.io/x/a:1 ;\n b=evil.example/b:1;;c=quay.io/x/c:1;' }],
    ['one of two of the same name', { images: 'a=evil.example/a:1;a=quay.io/x/a:1' }],
    ['the other of two of the same name', { images: 'a=quay.io/x/a:1;a=evil.example/a:1' }],
    [
      'an image that another entry of its name replaces',
      { images: 'a=quay.io/x/a:1;a=quay.io/x/b:1;c=evil.example/c:1' },
    ],
    ['all images', { images: 'b=evil.example/b:1;c=evil.example/c:1;' }],
    ['the default images', { images: ';;' }],
    ['what is no image', { images: 'a=quay.io/x/a:1;b=c=d;nothing;e=UPPER' }],
    ['no images, as none are asked for', { images: ' {} ' }],
    [
      'tolerations',
      {
        tolerations:
          '[{"key":"gpu","operator":"Exists"},{"operator":"Exists","effect":"NoExecute"}]',
      },
    ],
  ])('holds nothing that the operator refuses: %s', async (_what, raw) => {
    const limits = { allowedRegistries: ['quay.io/x'], allowedTolerationKeys: ['gpu'] };
    const puller = aPuller(raw);
    const { spec } = await readConfig(mounted(dataOf(puller, limits)));
    const inEffect = parseSpec(puller.spec, { maxImages: 500, ...limits }).spec;
    expect(spec.images).toEqual(inEffect.images);
    expect(spec.tolerations).toEqual(inEffect.tolerations);
    expect(JSON.stringify(dataOf(puller, limits))).not.toContain('evil');
  });

  it('is the text of the user where nothing is refused', () => {
    const raw = {
      images: '\n  a = quay.io/x/a:1 ;;\n  b=quay.io/x/b:1;a=quay.io/x/c:1;no image;\n',
      tolerations: ' [ {"key": "gpu", "operator": "Exists"} ] ',
    };
    expect(dataOf(aPuller(raw))).toMatchObject({
      IMAGES: raw.images,
      TOLERATIONS: raw.tolerations,
    });
  });

  it('is refused with the name of the file that is missing', async () => {
    const { IMAGES: _, ...rest } = dataOf(aPuller());
    await expect(readConfig(mounted(rest))).rejects.toThrow(ConfigError);
    await expect(readConfig(mounted(rest))).rejects.toThrow(/IMAGES cannot be read/);
  });
});

describe('the arguments of a managed puller', () => {
  it.each([[[]], [['--managed']], [['--config', '/x']], [['--managed', '--confg', '/x']]])(
    'are refused where they make no sense: %j',
    (args) => {
      expect(() => pullerOptions(args)).toThrow(UsageError);
    },
  );
});

describe('the puller as a process', () => {
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

  it('says what it is configured to do, answers probes and obeys SIGTERM at once', async () => {
    const directory = mounted(dataOf(aPuller({ images: 'My_Tool=quay.io/example/tool:1' })));
    const puller = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', main, 'puller', '--managed', '--config', directory],
      {
        env: { PATH: process.env['PATH'], HEALTH_PORT: '0', LOG_FORMAT: 'json' },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const lines: Record<string, unknown>[] = [];
    const exited = once(puller, 'exit');
    for await (const line of createInterface({ input: puller.stdout })) {
      const entry = JSON.parse(line) as Record<string, unknown>;
      lines.push(entry);
      if (entry['message'] === 'configured') {
        const answer = await fetch(`http://127.0.0.1:${entry['healthPort']}/readyz`);
        expect(answer.status).toBe(200);
        puller.kill('SIGTERM');
      }
    }
    expect(await exited).toEqual([0, null]);
    expect(lines).toContainEqual(
      expect.objectContaining({ message: 'configured', images: 1, cachingIntervalHours: 1 }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ message: 'configuration', verdict: 'fix' }),
    );
  });
});
