import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { imageConfig, readDockerfile } from '../../.ci/image/dockerfile.ts';
import { type Target, targets } from '../../.ci/image/root.ts';
import { render } from '../../src/cli/render.ts';
import { operatorConfig } from '../../src/config.ts';
import { daemonSets, type KubeObject } from '../../src/kube/objects.ts';
import { deployment as operatorDeployment, operatorUser } from '../../src/manifests/operator.ts';
import { version } from '../../src/release.ts';
import { goldenPath } from '../golden.ts';
import { type Command, Program, run } from '../image/program.ts';
import { clusterWithoutOperator, mountConfigMap } from '../image/scene.ts';
import { aPuller } from '../pullers.ts';
import { build } from './build.ts';

/** What a container runtime adds to an image, as files below its root. */
const token = 'var/run/secrets/kubernetes.io/serviceaccount';
const configMap = 'etc/image-puller';

let directory: string;

const rootDirectory = (target: Target) => join(directory, target);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'image-'));
  for (const target of targets) {
    await build(target, '--root', rootDirectory(target));
    put(target, 'etc/hosts', '127.0.0.1 localhost\n');
    mkdirSync(join(rootDirectory(target), 'kip'));
  }
  mountConfigMap(join(rootDirectory('operator'), configMap));
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

function put(target: Target, path: string, content: string): void {
  const file = join(rootDirectory(target), path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

/**
 * Runs a command as a container of the image does: its root directory, read-only, is all it sees, it is
 * nobody, and it has the image's environment. /kip is a directory of its own, as an emptyDir is.
 */
function contained(target: Target, { command, env = {}, input = '' }: Command): Command {
  const root = rootDirectory(target);
  const kip = join(directory, 'kip');
  mkdirSync(kip, { recursive: true, mode: 0o777 });
  const script = `
    set -e
    mount --bind "$0" "$0"
    mount -o remount,bind,ro "$0"
    mount --bind "$1" "$0/kip"
    chown 65532 "$1"
    cd "$0"
    root="$0"
    shift
    exec /usr/sbin/chroot --userspec=65532:65532 "$root" "$@"`;
  const own = imageConfig(target, readDockerfile()).Env.map((entry) => entry.split('=', 2));
  return {
    command: ['/usr/bin/unshare', '--mount', '/bin/sh', '-c', script, root, kip, ...command],
    env: { ...Object.fromEntries(own), ...env },
    input,
  };
}

/** Memory that a process does not share with others and that cannot be read from disk again, in MiB. */
function ownMemory(pid: number): number {
  const [, kibibytes] =
    /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) / 1024;
}

/** What the only container of a Deployment requests, in MiB. */
function requestedMemory(deployment: KubeObject | undefined): number {
  // biome-ignore lint/suspicious/noExplicitAny: the shape is that of apps/v1
  const [container] = (deployment as any).spec.template.spec.containers;
  const [, mebibytes] = /^(\d+)Mi$/.exec(container.resources.requests.memory) ?? [];
  return Number(mebibytes);
}

/** The Deployment that the operator makes for a puller. */
function pullerDeployment(): KubeObject | undefined {
  const { output } = render(['-f', goldenPath('minimal.input.yaml')], operatorConfig({}));
  return parseAllDocuments(output)
    .map((document) => document.toJS() as KubeObject)
    .find(({ kind }) => kind === 'Deployment');
}

describe.each(targets)('the image %s', (target) => {
  it('is the same bytes at every build', async () => {
    const indexes: string[] = [];
    for (const name of ['one', 'other']) {
      const folder = join(directory, `${target}-${name}`);
      await build(target, '--oci', folder);
      indexes.push(readFileSync(join(folder, 'index.json'), 'utf8'));
    }
    // It names the digest of all there is.
    expect(indexes[0]).toBe(indexes[1]);
  });

  it('cannot be written to', async () => {
    const command = ['/bin/sh', '-c', 'echo x > /bin/x'];
    const { code, errors } = await run(contained(target, { command }));
    expect(code).not.toBe(0);
    expect(errors).toContain('Read-only file system');
  });

  it.each(['720h', '87600h'])('gives away a sleep that sleeps for %s', async (time) => {
    const copy = ['/bin/sh', '-c', 'cp /bin/sleep /kip/sleep'];
    expect(await run(contained(target, { command: copy }))).toMatchObject({ code: 0, errors: '' });
    // In a root of nothing else, as an image FROM scratch has.
    const sleep = [
      '/usr/sbin/chroot',
      '--userspec=65532:65532',
      join(directory, 'kip'),
      '/sleep',
      time,
    ];
    const { code } = await run({ command: ['/usr/bin/timeout', '1', ...sleep] });
    expect(code).toBe(124);
  });
});

describe('the image sleeper', () => {
  it('is about 2 MB', () => {
    const files = readdirSync(rootDirectory('sleeper'), { recursive: true, encoding: 'utf8' });
    const sizes = files.map((file) => lstatSync(join(rootDirectory('sleeper'), file)).size);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(2_100_000);
  });
});

describe('the image operator', () => {
  it('tells its version', async () => {
    const ended = await run(contained('operator', { command: ['/bin/image-puller', 'version'] }));
    expect(ended).toEqual({ code: 0, output: `${version}\n`, errors: '' });
  });

  it('has the puller at the path of the Go image', async () => {
    const ended = await run(contained('operator', { command: ['/kubernetes-image-puller', '-x'] }));
    expect(ended).toMatchObject({ code: 2, errors: expect.stringContaining("'-x'") });
  });

  it('renders what it is given on standard input', async () => {
    const { code, output } = await run(
      contained('operator', {
        command: ['/bin/image-puller', 'render', '-f', '-'],
        input: readFileSync(goldenPath('minimal.input.yaml'), 'utf8'),
      }),
    );
    expect([code, output]).toEqual([0, expect.stringContaining('kind: DaemonSet')]);
  });

  it('runs the puller, whose own memory is less than half of what it requests', async () => {
    await using puller = new Program(
      contained('operator', {
        command: ['/bin/image-puller', 'puller', '--managed', '--config', `/${configMap}`],
        env: { HEALTH_PORT: '0' },
      }),
    );
    const { healthPort } = await puller.says('configured');
    expect((await fetch(`http://127.0.0.1:${healthPort}/readyz`)).status).toBe(200);
    expect(ownMemory(puller.pid)).toBeLessThan(0.5 * requestedMemory(pullerDeployment()));
    expect(await puller.end()).toBe(0);
  });

  it('runs the operator, whose own memory is less than half of what it requests', async () => {
    // client-node takes plain HTTP for granted where the cluster that it runs in has this port.
    const port = 8001;
    const cluster = await clusterWithoutOperator({ port });
    try {
      const { users } = parse(cluster.kubeconfig(operatorUser));
      put('operator', `${token}/token`, users[0].user.token);
      put('operator', `${token}/ca.crt`, '');
      await using operator = new Program(
        contained('operator', {
          command: ['/bin/image-puller', 'operator'],
          env: {
            KUBERNETES_SERVICE_HOST: '127.0.0.1',
            KUBERNETES_SERVICE_PORT: String(port),
            HEALTH_PORT: '0',
          },
        }),
      );
      await operator.says('running');
      cluster.apply(aPuller());
      await cluster.until(() => cluster.controlPlane.list(daemonSets, 'workspaces').length === 1);
      expect(ownMemory(operator.pid)).toBeLessThan(0.5 * requestedMemory(operatorDeployment()));
      expect(await operator.end()).toBe(0);
    } finally {
      await cluster.stop();
    }
  });
});
