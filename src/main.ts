#!/usr/bin/env node
import { basename } from 'node:path';
import { runProgram } from './command-line.ts';
import { type Environment, healthPort, logConfig, operatorConfig } from './config.ts';
import { UsageError } from './errors.ts';
import { createLog } from './log.ts';
import { checkNode } from './node-version.ts';
import { endOfProcess } from './process.ts';
import { version } from './release.ts';
import { HealthServer } from './server.ts';

// kubectl runs the file kubectl-image_puller as `kubectl image-puller`, and the other one to complete it.
const calledAs = basename(process.argv[1] ?? '');
const isCompletion = calledAs.startsWith('kubectl_complete-image_puller');
const program = calledAs.startsWith('kubectl-image_puller')
  ? 'kubectl image-puller'
  : 'kubernetes-image-puller-operator';

// The bundle, which is JavaScript, has no demo: that one needs the sources of the tests.
const demoUsage = import.meta.url.endsWith('.ts')
  ? `
  demo [--images LIST] [--nodes N] [--file FILE]
                                 shows it all at work on a cluster of its own, inside this process`
  : '';

const usage = `Usage: ${program} COMMAND

For people:
  status [NAME...]               shows which images are on which nodes, what fails, and what it costs
  render -f FILE [flags]         prints the objects that would be applied; needs no cluster${demoUsage}
  completion bash|zsh|fish       prints what makes that shell complete commands and names
  version                        prints the version

What runs in the cluster:
  operator [--kubeconfig FILE]   keeps what the KubernetesImagePullers of a cluster ask for in place
  puller --managed --config DIR  the program in the Deployment of each puller

The cluster is that of KUBECONFIG, ~/.kube/config, or the one the program runs in. The operator's
settings are environment variables: see the README.
`;

function asksForHelp(word: string): boolean {
  return word === '--help' || word === '-h';
}

function showUsage(): void {
  process.stdout.write(usage);
}

// Each command is loaded when it is asked for: the puller needs no Kubernetes client in its memory.
async function runOperator(args: readonly string[], env: Environment): Promise<void> {
  const operator = await import('./operator.ts');
  await operator.runOperator(env, operator.operatorOptions(args));
}

async function runPuller(args: readonly string[], env: Environment): Promise<void> {
  const { runManagedPuller, pullerOptions } = await import('./puller/puller.ts');
  const { configDirectory } = pullerOptions(args);
  const log = createLog({ ...logConfig(env), stream: process.stdout });
  await runManagedPuller(configDirectory, {
    health: new HealthServer(healthPort(env), () => true),
    log,
    signal: endOfProcess(log),
  });
}

async function runRender(args: readonly string[], env: Environment): Promise<void> {
  const { render } = await import('./cli/render.ts');
  const { output, remarks, exitCode } = render(args, operatorConfig(env));
  process.stderr.write(remarks);
  process.stdout.write(output);
  process.exitCode = exitCode;
}

async function runStatus(args: readonly string[], env: Environment): Promise<void> {
  const { status } = await import('./cli/status.ts');
  process.exitCode = await status(args, env);
}

async function runCompletion(args: readonly string[]): Promise<void> {
  const { completion } = await import('./cli/completion.ts');
  process.stdout.write(completion(args));
}

async function runComplete(words: readonly string[], env: Environment): Promise<void> {
  const { complete } = await import('./cli/completion.ts');
  process.stdout.write(await complete(words, env));
}

async function runDemo(args: readonly string[]): Promise<void> {
  const { demo } = await import('./cli/demo.ts');
  process.exitCode = await demo(args);
}

async function main([command = '', ...args]: readonly string[], env: Environment): Promise<void> {
  checkNode(process.versions.node);
  switch (command) {
    // Their few words are in the usage of the whole.
    case 'operator':
      return args.some(asksForHelp) ? showUsage() : runOperator(args, env);
    case 'puller':
      return args.some(asksForHelp) ? showUsage() : runPuller(args, env);
    case 'render':
      return runRender(args, env);
    case 'status':
      return runStatus(args, env);
    case 'completion':
      return runCompletion(args);
    case '__complete':
      return runComplete(args, env);
    case 'demo':
      return runDemo(args);
    case 'version':
      process.stdout.write(`${version}\n`);
      return;
    case 'help':
    case '--help':
    case '-h':
      return showUsage();
    default:
      throw new UsageError(
        command === ''
          ? `no command is given\n\n${usage}`
          : `there is no command ${command}\n\n${usage}`,
      );
  }
}

/** A reader that goes away, such as `| head`, is no failure. */
function bearReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

// Nothing imports this file. `import.meta.main` would say so too, yet not on a Node before 24.2.
bearReaders();
const words = process.argv.slice(2);
await runProgram(() => main(isCompletion ? ['__complete', ...words] : words, process.env));
