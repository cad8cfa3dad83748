import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Far more than it needs: it starts two processes, and machines that test are busy. */
const patienceMs = 60_000;

const sources = join(import.meta.dirname, '../../../src/cli/demo');

/** Of a cluster that is not there. */
const kubeconfig = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'c',
  contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
  users: [{ name: 'u', user: { token: 't' } }],
  clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:1' } }],
});

/** Starts an operator, and says its number when that has said its first word. */
const demo = `
  import { startOperator } from '${sources}/operator-process.ts';
  const operator = startOperator('${kubeconfig}', { HEALTH_PORT: '0' });
  while (operator.lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  process.stdout.write(String(operator.pid));`;

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('the operator of a demo', () => {
  it(
    'ends by itself where the demo is killed',
    async () => {
      const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript'];
      const child = spawn(process.execPath, [...flags, '-e', demo], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const closed = once(child, 'close');
      const [pid] = await once(child.stdout, 'data');
      expect(isAlive(Number(pid))).toBe(true);
      child.kill('SIGKILL');
      await closed;
      while (isAlive(Number(pid))) await new Promise((resolve) => setTimeout(resolve, 50));
    },
    patienceMs,
  );
});
