import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Bundle, bundle } from '../../.ci/image/bundle.ts';
import { render, toYaml } from '../../src/cli/render.ts';
import { operatorConfig } from '../../src/config.ts';
import { daemonSets } from '../../src/kube/objects.ts';
import { operatorUser } from '../../src/manifests/operator.ts';
import { version } from '../../src/release.ts';
import { goldenPath } from '../golden.ts';
import { aPuller } from '../pullers.ts';
import { flags } from './launcher.ts';
import { Program, run } from './program.ts';
import { clusterWithoutOperator, mountConfigMap } from './scene.ts';

let directory: string;
let file: string;
let built: Bundle;

beforeAll(async () => {
  built = await bundle();
  directory = mkdtempSync(join(tmpdir(), 'bundle-'));
  file = join(directory, 'main.js');
  writeFileSync(file, built.code);
});

/** Of a cluster that is not there. */
const aKubeconfig = `
apiVersion: v1
kind: Config
current-context: c
contexts: [{ name: c, context: { cluster: c, user: u } }]
users: [{ name: u, user: { token: t } }]
clusters: [{ name: c, cluster: { server: 'http://127.0.0.1:1' } }]
`;

/** Taken by nobody a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** As the launcher of the image starts it; it may read the given path beside those of the image. */
function started(args: readonly string[], readable?: string): readonly string[] {
  const more = readable === undefined ? [] : [`--allow-fs-read=${readable}`];
  return [process.execPath, ...flags, ...more, file, ...args];
}

describe('the bundle', () => {
  it('is the same bytes at every build', async () => {
    const again = await bundle();
    expect(Buffer.from(again.code).equals(built.code)).toBe(true);
    expect(again.notices).toBe(built.notices);
  });

  it('comes with the licenses of what is in it', () => {
    expect(built.notices).toContain('== @kubernetes/client-node 2.0.1, Apache-2.0');
    expect(built.notices).toContain('== winston');
    expect(built.notices).toContain('== prom-client');
    expect(built.notices).not.toContain('== ajv');
  });

  it('does not load what Node has for HTTP/2, which nobody speaks', () => {
    expect(Buffer.from(built.code).toString()).not.toMatch(/require\(.(node:)?http2/);
  });

  it('has no path of the machine in it, and nothing of the tests', () => {
    const text = Buffer.from(built.code).toString();
    expect([process.cwd(), 'startEmbeddedCluster'].filter((part) => text.includes(part))).toEqual(
      [],
    );
  });
});

describe('under the flags of the image, the bundle', () => {
  it('has lost the rights it does not need', () => {
    expect(flags).toEqual(
      expect.arrayContaining([
        '--permission',
        '--disallow-code-generation-from-strings',
        '--disable-proto=throw',
        '--no-addons',
      ]),
    );
  });

  it('may fill half of the memory with its heap, of which the young generation is small', async () => {
    expect(flags).toEqual(
      expect.arrayContaining(['--max-semi-space-size=4', '--max-old-space-size-percentage=50']),
    );
    const program = join(directory, 'limit.mjs');
    writeFileSync(
      program,
      `import { getHeapStatistics } from 'node:v8';
      console.log(getHeapStatistics().heap_size_limit);`,
    );
    const { output } = await run({ command: [process.execPath, ...flags, program] });
    // Of the control group, or of the machine where it sets no limit. The limit counts both generations.
    const half = Math.min(process.constrainedMemory() || Infinity, totalmem()) / 2;
    expect(Number(output) / half).toBeCloseTo(1, 1);
  });

  it('speaks HTTP without a compiler that takes more memory than all the rest', async () => {
    const program = join(directory, 'speak.mjs');
    const undici = import.meta.resolve('undici');
    writeFileSync(
      program,
      `import { createServer } from 'node:http';
      import { getHeapStatistics } from 'node:v8';
      import { request } from '${undici}';
      const server = createServer((_, response) => response.end('{}')).listen(0);
      for (let asked = 0; asked < 500; asked += 1) {
        await (await request('http://127.0.0.1:' + server.address().port)).body.json();
      }
      console.log(getHeapStatistics().peak_malloced_memory);
      process.exit();`,
    );
    const allowed = `--allow-fs-read=${join(fileURLToPath(undici), '..')}`;
    const { output, errors } = await run({
      command: [process.execPath, ...flags, allowed, program],
    });
    expect(errors).toBe('');
    expect(Number(output)).toBeLessThan(10e6);
  });

  it('tells its version', async () => {
    expect(await run({ command: started(['version']) })).toEqual({
      code: 0,
      output: `${version}\n`,
      errors: '',
    });
  });

  it.each(['codeready-workspaces', 'everything', 'long-name', 'minimal'])(
    'renders %s as the sources do',
    async (name) => {
      const input = goldenPath(`${name}.input.yaml`);
      const expected = render(['-f', input], operatorConfig({}));
      expect(await run({ command: started(['render', '-f', input], input) })).toEqual({
        code: 0,
        output: expected.output,
        errors: expected.remarks,
      });
    },
  );

  it.each([
    ['nodeSelector', '{"disk type": "ssd"}'],
    ['nodeSelector', '{"disktype": true}'],
    ['tolerations', '[{"operator": "exists"}]'],
    ['tolerations', '{"key": "a"}'],
    ['affinity', '{"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}'],
    ['affinity', '{"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{}]}}'],
  ])('objects to %s %s as the sources do', async (field, value) => {
    const input = join(directory, 'puller.yaml');
    writeFileSync(input, toYaml(aPuller({ [field]: value })));
    const { remarks } = render(['-f', input], operatorConfig({}));
    expect(remarks).toContain(`spec.${field}`);
    const { errors } = await run({ command: started(['render', '-f', input], input) });
    expect(errors).toBe(remarks);
  });

  it('has no demo, and says so', async () => {
    const { code, errors } = await run({ command: started(['demo']) });
    expect([code, errors]).toEqual([2, 'there is no demo here: run npm start in the sources\n']);
    expect((await run({ command: started(['--help']) })).output).not.toContain('demo');
  });

  it('reads no file but those of its containers', async () => {
    const { code, errors } = await run({ command: started(['render', '-f', '/etc/passwd']) });
    expect(code).toBe(2);
    expect(errors).toContain('Access to this API has been restricted');
  });

  it('runs the puller until it is asked to end', async () => {
    const config = join(directory, 'config');
    mountConfigMap(config);
    await using puller = new Program({
      command: started(['puller', '--managed', '--config', config], config),
      env: { HEALTH_PORT: '0' },
    });
    const { images, healthPort } = await puller.says('configured');
    expect(images).toBeGreaterThan(0);
    expect((await fetch(`http://127.0.0.1:${healthPort}/readyz`)).status).toBe(200);
    expect(await puller.end()).toBe(0);
  });

  it('runs the operator until it is asked to end', async () => {
    const cluster = await clusterWithoutOperator();
    try {
      const kubeconfig = join(directory, 'kubeconfig');
      writeFileSync(kubeconfig, cluster.kubeconfig(operatorUser));
      await using operator = new Program({
        command: started(['operator'], kubeconfig),
        env: { KUBECONFIG: kubeconfig, HEALTH_PORT: '0' },
      });
      await operator.says('running');
      cluster.apply(aPuller());
      await cluster.until(() => cluster.controlPlane.list(daemonSets, 'workspaces').length === 1);
      expect(await operator.end()).toBe(0);
    } finally {
      await cluster.stop();
    }
  });

  it('signs a certificate for its metrics, and gives them to nobody without a token', async () => {
    const kubeconfig = join(directory, 'nowhere');
    writeFileSync(kubeconfig, aKubeconfig);
    const port = await freePort();
    await using operator = new Program({
      command: started(['operator'], kubeconfig),
      env: { KUBECONFIG: kubeconfig, HEALTH_PORT: '0', METRICS_PORT: String(port) },
    });
    await operator.says('shows a certificate that signs itself');
    await operator.says('the API server does not answer yet');
    const asked = request({ port, path: '/metrics', rejectUnauthorized: false, agent: false });
    asked.end();
    const [response] = await once(asked, 'response');
    expect(response.statusCode).toBe(401);
    expect(await operator.end()).toBe(0);
  });
});
