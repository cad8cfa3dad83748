import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { ImagePullerStatus, RawSpec } from '../../src/api/types.ts';
import { type DemoSurroundings, show } from '../../src/cli/demo.ts';
import { plainStyle } from '../../src/cli/style.ts';
import { UsageError } from '../../src/errors.ts';
import { Api, type Reply } from '../cluster/contract/api.ts';
import { nodeEnvironment } from '../node-environment.ts';
import { aPuller } from '../pullers.ts';

/** Far more than any of these needs: they start processes, and machines that test are busy. */
const patienceMs = 120_000;

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Whatever a process leaves among the temporary files. */
const temporary = mkdtempSync(join(tmpdir(), 'demo-test-'));
afterAll(() => rmSync(temporary, { recursive: true }));

/** Runs `demo` as a user does; `during` sees its output as it comes. */
async function run(args: readonly string[], during: (signal: SignalSender) => void = () => {}) {
  const child = spawn(process.execPath, [main, 'demo', ...args], {
    env: { ...nodeEnvironment, TMPDIR: temporary },
  });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  during({ output: child.stdout, kill: (signal) => child.kill(signal) });
  const [output, errors, exitCode] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    closed,
  ]);
  return { output, errors, exitCode };
}

interface SignalSender {
  readonly output: NodeJS.ReadableStream;
  readonly kill: (signal: NodeJS.Signals) => void;
}

const pullerPath =
  '/apis/che.eclipse.org/v1alpha1/namespaces/default/kubernetesimagepullers/image-puller';

/** How many images the status of a puller counts. */
function imagesIn({ body }: Reply): number | undefined {
  return (body['status'] as ImagePullerStatus | undefined)?.imagesDesired;
}

function phaseOf({ body }: Reply): string | undefined {
  return (body['status'] as { readonly phase?: string } | undefined)?.phase;
}

/** Asks again and again, as people do, until something is so. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}

function manyImages(count: number): string {
  return Array.from({ length: count }, (_, index) => `i${index}=quay.io/a/${index}:1`).join(';');
}

/** Shows a puller in this process. */
async function shown(
  puller: ReturnType<typeof aPuller>,
  changes: Partial<DemoSurroundings> = {},
): Promise<{ readonly exitCode: number | undefined; readonly output: string }> {
  const output = new PassThrough();
  const exitCode = await show(
    { nodes: 2, keep: false, puller },
    {
      output,
      style: plainStyle,
      patience: { quietMs: 15_000, silentMs: 3 * patienceMs },
      progressDeadlineSeconds: 1,
      signal: new AbortController().signal,
      ...changes,
    },
  );
  return { exitCode, output: String(output.read()) };
}

/** A pod that must not run as root, as those of the operator's own Deployment. */
const asTheOperator = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'operator' },
  spec: {
    securityContext: { runAsNonRoot: true },
    containers: [{ name: 'operator', image: 'example.com/operator:1' }],
  },
};
const operatorPath = '/api/v1/namespaces/default/pods/operator';

describe('npm start', () => {
  it(
    'shows the nodes fill, ends with 0 when all are full and leaves nothing behind',
    async () => {
      const images = 'My_Tools=quay.io/example/tools:1;shell=quay.io/example/shell:2';
      const { output, errors, exitCode } = await run(['--nodes', '2', '--images', images]);
      expect({ errors, exitCode }).toEqual({ errors: '', exitCode: 0 });
      expect(output).toMatch(/^cluster {3}2 nodes, inside this process\n/);
      expect(output).toContain('Ready True AllResourcesReady\n    all 2 images on all 2 nodes');
      expect(output).toContain('\nshell     # #  2/2\nMy_Tools  # #  2/2\n');
      expect(output).toContain('its container is called "my-tools".');
      expect(output).toContain('50m CPU and 5Mi of memory on each node: once for 2 images');
      expect(output).toContain('none refused by RBAC');
      expect(output).toContain('none of them a warning or an error');
      expect(output).toMatch(/default\/image-puller is Ready after \d+ seconds?\.\n/);
      expect(readdirSync(temporary)).toEqual([]);
    },
    patienceMs,
  );

  it(
    'caches the others where one image is bad, says which, and ends with 1',
    async () => {
      const images = 'good=quay.io/example/good:1;bad=registry.invalid/bad:1';
      const { output, exitCode } = await shown(aPuller({ images }));
      expect(exitCode).toBe(1);
      expect(output).toContain('\ngood  # #  2/2\nbad   x x  0/2\n');
      expect(output).toMatch(/bad: (ErrImagePull|(ErrImagePull, )?ImagePullBackOff) on 2 nodes/);
      expect(output).toMatch(/lookup\s+registry\.invalid:\s+no\s+such\s+host/);
      expect(output).toContain('Degraded True RolloutStalled');
      expect(output).toContain('nothing has moved for 15 seconds.\n2 of 4 copies are on the nodes');
    },
    patienceMs,
  );

  it.each<[string, RawSpec, string]>([
    ['a selector that is no JSON', { nodeSelector: 'foo' }, '"foo" is not JSON; write a JSON'],
    ['too many images', { images: manyImages(501) }, 'spec.images has 501 different images'],
  ])(
    'says at once why a spec is held, shows no images and ends with 1: %s',
    async (_what, spec, why) => {
      const { exitCode, output } = await shown(aPuller(spec), {
        patience: { quietMs: 10 * patienceMs, silentMs: 10 * patienceMs },
      });
      expect(exitCode).toBe(1);
      expect(output).toContain('workspaces/puller: a spec that cannot be followed\n');
      expect(output.replace(/\s+/g, ' ')).toContain(why);
      expect(output).toMatch(
        /is not Ready: its spec is held for (InvalidNodeSelector|TooManyImages), /,
      );
      expect(output).not.toMatch(/copies|che-code|Objects made/);
    },
    patienceMs,
  );

  it(
    'shows the last lines of an operator that ends by itself',
    async () => {
      const { output, exitCode } = await shown(aPuller(), { progressDeadlineSeconds: 0 });
      expect(exitCode).toBe(1);
      expect(output).toMatch(
        /The operator ended with exit code 1\. Its last lines:\n.*PROGRESS_DEADLINE_SECONDS/,
      );
    },
    patienceMs,
  );

  it(
    'says what the API server has against a puller',
    async () => {
      const puller = aPuller({}, { name: 'No_Name' });
      await expect(shown(puller)).rejects.toThrow(UsageError);
      await expect(shown(puller)).rejects.toThrow(/the API server refuses the puller: .*No_Name/);
    },
    patienceMs,
  );

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'ends in an orderly way on %s',
    async (signal, code) => {
      const { output, exitCode } = await run(['--nodes', '1'], (child) =>
        child.output.once('data', () => child.kill(signal)),
      );
      expect(exitCode).toBe(code);
      expect(output).toMatch(/\ninterrupted\n$/);
      expect(readdirSync(temporary)).toEqual([]);
    },
    patienceMs,
  );

  it(
    'leaves the cluster and the operator running with --keep, until Ctrl-C',
    async () => {
      const stored: unknown[] = [];
      const { output, exitCode } = await run(
        ['--nodes', '1', '--images', 'a=b/c:1', '--keep'],
        (child) => {
          child.output.on('data', async (text: Buffer) => {
            const kubeconfig = /--kubeconfig (\S+)/.exec(String(text))?.[1];
            if (kubeconfig === undefined) return;
            await using api = new Api(readFileSync(kubeconfig, 'utf8'));
            await api.merge(pullerPath, { spec: { images: 'a=b/c:1;d=e/f:2' } });
            await until(async () => imagesIn(await api.get(pullerPath)) === 2);
            stored.push(imagesIn(await api.get(pullerPath)));
            await api.create('/api/v1/namespaces/default/pods', asTheOperator);
            await until(async () => phaseOf(await api.get(operatorPath)) === 'Running');
            child.kill('SIGINT');
          });
        },
      );
      expect(stored).toEqual([2]);
      expect(output).toMatch(
        /is Ready after .*kubectl --kubeconfig \S+ get kip -A\nCtrl-C ends them\.\n$/s,
      );
      expect(exitCode).toBe(0);
      expect(readdirSync(temporary)).toEqual([]);
    },
    patienceMs,
  );

  it(
    'explains itself with --help, and a mistake in a sentence',
    async () => {
      expect(await run(['--help'])).toMatchObject({
        exitCode: 0,
        output: expect.stringMatching(/^Usage: demo .*\.invalid/s),
      });
      expect(await run(['--nodes', 'many'])).toEqual({
        exitCode: 2,
        output: '',
        errors: '--nodes is "many": expected a whole number from 1 to 200\n',
      });
    },
    patienceMs,
  );
});
