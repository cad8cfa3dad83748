import { parseArgs } from 'node:util';
import { connect, kubeConfigOf, namespaceOf } from '../../cluster.ts';
import type { Environment } from '../../config.ts';
import { imagePullers } from '../../controllers/keys.ts';
import { type KubeObject, pods, type Resource } from '../../kube/objects.ts';
import { cachePodSelector } from '../../manifests/names.ts';
import { namespaces } from '../cluster-kinds.ts';
import { formats, statusFlags } from '../status/options.ts';
import { commands, type Question, type Subject } from './question.ts';
import { scripts } from './scripts.ts';

/** Longer than this nobody waits for a word. */
const patienceMs = 3000;

/** Of a kind with more objects than this not all are offered. */
const mostObjects = 500;

/** The candidates that begin as the word does: each a line, with a tab before its description. */
export async function candidates(question: Question, env: Environment): Promise<readonly string[]> {
  const lines = await answers[question.subject](question, env);
  return [...new Set(lines)].filter((line) => line.startsWith(question.begun)).sort();
}

type Answer = (
  question: Question,
  env: Environment,
) => readonly string[] | Promise<readonly string[]>;

const answers: Readonly<Record<Subject, Answer>> = {
  command: () =>
    Object.entries(commands).map(([name, { description }]) => `${name}\t${description}`),
  flag: ({ flags }) => flags.map(({ name, description }) => `--${name}\t${description}`),
  shell: () => Object.keys(scripts),
  format: () => formats,
  puller: (question, env) => namesOf(imagePullers, question, env),
  namespace: (question, env) => namesOf(namespaces, question, env),
  // Who may see the pods of a namespace may seldom see nodes.
  node: (question, env) => namesOf(pods, question, env, nodeOf),
  context: async (question, env) => (await chosen(question, env)).getContexts().map(nameOf),
  cluster: async (question, env) => (await chosen(question, env)).getClusters().map(nameOf),
  user: async (question, env) => (await chosen(question, env)).getUsers().map(nameOf),
  file: () => [],
  nothing: () => [],
};

/** The names of the objects of a kind, or what else is to be read from them. */
async function namesOf(
  resource: Resource,
  question: Question,
  env: Environment,
  read = ({ metadata }: KubeObject) => metadata.name,
): Promise<readonly string[]> {
  const { namespace, isEverywhere } = optionsOf(question);
  const kubeConfig = await chosen(question, env);
  const client = connect(kubeConfig, patienceMs);
  try {
    const { items } = await client.list(resource, {
      ...(resource.namespaced &&
        !isEverywhere && { namespace: namespace ?? namespaceOf(kubeConfig) }),
      ...(resource === pods && { labelSelector: cachePodSelector }),
      limit: mostObjects,
    });
    return items.map(read).filter((name) => name !== undefined);
  } finally {
    await client.close();
  }
}

function chosen(question: Question, env: Environment) {
  return kubeConfigOf(env, optionsOf(question).choice);
}

/** What the words before say, as far as they are words that the command knows. */
function optionsOf({ before }: Question) {
  const { values } = parseArgs({ args: [...before], options: statusFlags, strict: false });
  const text = (flag: keyof typeof statusFlags) => {
    const value = values[flag];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  return {
    namespace: text('namespace'),
    isEverywhere: values['all-namespaces'] === true,
    choice: {
      kubeconfig: text('kubeconfig'),
      context: text('context'),
      cluster: text('cluster'),
      user: text('user'),
      server: text('server'),
      token: text('token'),
      as: text('as'),
      ...(values['insecure-skip-tls-verify'] === true && { insecureSkipTlsVerify: true }),
    },
  };
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

function nodeOf(pod: KubeObject): string | undefined {
  return (pod['spec'] as { readonly nodeName?: string } | undefined)?.nodeName;
}
