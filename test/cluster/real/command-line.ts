import { parsedArgs } from '../../../src/command-line.ts';
import { UsageError } from '../../../src/errors.ts';
import type { Words } from './command.ts';

/** What the driver can be asked to do. */
export type Action =
  | { readonly name: 'help' | 'down' }
  | { readonly name: 'up'; readonly fakeNodes: number }
  | { readonly name: 'enter'; readonly words: readonly string[] }
  | { readonly name: 'run'; readonly cluster: string; readonly words: Words };

/** The cluster of a person, and the one that tests start and stop. */
export const [personal, tested] = ['dev', 'e2e'] as const;

/** For whoever asked wrongly, or for help. */
export const usage = `Usage:
  npm run cluster                         brings a cluster up and says how to use it
  npm run cluster -- up --fake-nodes N    the same with N nodes that exist on paper
  npm run cluster -- enter [command…]     a shell, or a command, in its network
  npm run cluster -- down                 ends it
  npm run cluster -- run command…         a command in a fresh network for tests
  npm run cluster -- run --name n cmd…    the same in one more network, beside that
  npm run test:e2e [-- jest arguments]    the tests that need a real cluster
`;

/** Kubernetes supports no more (kubernetes.io: Considerations for large clusters). */
const mostNodes = 5_000;

/**
 * Reads the words after `npm run cluster --`, before anything is made.
 *
 * @throws UsageError that says what could be asked instead
 */
export function parse(args: readonly string[]): Action {
  const [name = 'up', ...rest] = args;
  switch (name) {
    case 'help':
    case '--help':
    case '-h':
      return { name: 'help' };
    case 'up':
      return { name, fakeNodes: fakeNodesIn(rest) };
    case 'enter':
      return { name, words: rest };
    case 'run':
      return { name, ...runIn(rest) };
    case 'down':
      if (rest.length > 0) throw mistake(`down takes no arguments: ${rest.join(' ')}`);
      return { name };
    default:
      throw mistake(`${name} is no command`);
  }
}

function mistake(sentence: string): UsageError {
  return new UsageError(`${sentence}\n\n${usage}`);
}

function fakeNodesIn(args: readonly string[]): number {
  const options = { 'fake-nodes': { type: 'string', default: '0' } } as const;
  const { 'fake-nodes': said } = parsedArgs({ args: [...args], options }, usage).values;
  const count = /^\d+$/.test(said) ? Number(said) : Number.POSITIVE_INFINITY;
  if (count > mostNodes) {
    throw mistake(`--fake-nodes takes a number from 0 to ${mostNodes}, not "${said}"`);
  }
  return count;
}

/** Options end where the command begins. */
function runIn(args: readonly string[]): { readonly cluster: string; readonly words: Words } {
  const [cluster, words] = args[0] === '--name' ? [args[1] ?? '', args.slice(2)] : [tested, args];
  if (!/^[a-z0-9]{1,10}$/.test(cluster) || cluster === personal) {
    throw mistake(`--name takes up to ten of a-z and 0-9, but not ${personal}; got "${cluster}"`);
  }
  const [program, ...others] = words;
  if (program === undefined) throw mistake('run what?');
  return { cluster, words: [program, ...others] };
}
