import { nounCount, printable, quote } from '../../api/text.ts';
import type { Clock } from '../../clock.ts';
import { asError } from '../../errors.ts';
import { type Client, isApiError } from '../../kube/client.ts';
import { nodes } from '../cluster-kinds.ts';
import { type Output, say } from '../output.ts';
import type { Style } from '../style.ts';
import { json, nodeDocument, reportDocument, yaml } from './documents.ts';
import { follow } from './follow.ts';
import { nodeImages } from './node-images.ts';
import {
  leavesOpen,
  type NodeList,
  type NodeReport,
  nodeOutcome,
  nodeReport,
} from './node-report.ts';
import { nodeTable } from './node-table.ts';
import type { Format, StatusOptions } from './options.ts';
import { readOnce } from './read.ts';
import { nodeLosses, type Report, report } from './report.ts';
import type { Seen } from './seen.ts';
import { type Drawing, pullerTable } from './table.ts';
import { DocumentView, LiveView, PlainView, type View } from './view.ts';
import { Watcher } from './watcher.ts';

/** Under which circumstances the command runs. */
export interface StatusSurroundings {
  readonly client: Client;
  /** Where what is asked for goes. */
  readonly output: Output;
  /** Where it goes what could not be read. */
  readonly errors: Output;
  readonly style: Style;
  readonly clock: Clock;
  /** Ends a watch before its time. */
  readonly signal: AbortSignal;
}

/** What is to be shown, with the namespace known; the empty one stands for all. */
export type StatusChoice = StatusOptions & { readonly namespace: string };

/** How the command ends; 2, on a mistake in the arguments, is that of all commands. */
export const exitCodes = { ready: 0, stuck: 1, underway: 3, untold: 4 } as const;

/** There is nothing to tell of what was asked for. */
export class NotThereError extends Error {
  override readonly name = 'NotThereError';
}

/**
 * Shows what is asked for. Returns the exit code; while it is interrupted that says nothing.
 *
 * @throws ApiError, TransportError or NotThereError where there is nothing to show
 */
export async function show(
  choice: StatusChoice,
  surroundings: StatusSurroundings,
): Promise<number> {
  const { client, clock, errors } = surroundings;
  const told = choice.watch
    ? await watched(choice, surroundings)
    : report(
        await read(client, choice),
        clock.now(),
        choice.node === undefined ? undefined : nodeLosses,
      );
  if (told === undefined) return exitCodes.untold;
  for (const sentence of told.unread) say(errors, printable(sentence, 2000));
  if (told.pullers.length === 0) {
    const where = choice.namespace === '' ? 'the cluster' : `the namespace ${choice.namespace}`;
    say(errors, `there is no KubernetesImagePuller in ${where}`);
  }
  const { node } = choice;
  if (node !== undefined) return await showNode(told, node, { ...surroundings, choice });
  if (!choice.watch || !isDocument(choice.format)) {
    surroundings.output.write(text(told, choice.format, surroundings));
  }
  return exitCodeOf(told.pullers.map(({ outcome }) => outcome));
}

/** What there is, of the pullers that are asked for. */
async function read(client: Client, choice: StatusChoice): Promise<Seen> {
  const seen = await readOnce(client, choice.namespace).catch((error: unknown) => {
    throw telling(asError(error));
  });
  demandNamed(seen, choice);
  return selected(seen, choice.names);
}

/** The error of a list of pullers, in words where the server does not know what that is. */
function telling(cause: Error): Error {
  return isApiError(cause, 404)
    ? new NotThereError(
        'the cluster knows no KubernetesImagePuller: the operator is not installed in it',
        { cause },
      )
    : cause;
}

/** @throws NotThereError that names the pullers which are asked for and not there */
function demandNamed({ pullers }: Seen, { namespace, names }: StatusChoice): void {
  const there = new Set(pullers.objects.map(({ metadata }) => metadata.name));
  const missing = names.filter((name) => !there.has(name)).map((name) => quote(name));
  if (missing.length === 0) return;
  throw new NotThereError(
    `there is no KubernetesImagePuller ${missing.join(', ')} in the namespace ${namespace}, which has ${nounCount(there.size, 'other')}`,
  );
}

function selected(seen: Seen, names: readonly string[]): Seen {
  if (names.length === 0) return seen;
  const { objects, error } = seen.pullers;
  const named = objects.filter(({ metadata }) => names.includes(metadata.name ?? ''));
  return { ...seen, pullers: { objects: named, error } };
}

/** Follows the pullers to their end; undefined where that is interrupted. */
async function watched(
  choice: StatusChoice,
  surroundings: StatusSurroundings,
): Promise<Report | undefined> {
  const { client, clock, signal } = surroundings;
  const { namespace } = choice;
  const watcher = new Watcher({ client, namespace, clock, random: Math.random });
  const view = viewOf(choice.format, surroundings);
  // While the server is away nothing else keeps the process alive.
  const alive = setInterval(() => {}, 1 << 30);
  watcher.start();
  try {
    return await follow({ watcher, clock, select: selector(choice), signal }, view);
  } finally {
    view.close();
    clearInterval(alive);
    await watcher.stop();
  }
}

/** Selects what is followed. What is not there at first will not come; later a lost server is waited for. */
function selector(choice: StatusChoice): (seen: Seen) => Seen {
  let isFirst = true;
  return (seen) => {
    if (isFirst) {
      if (seen.pullers.error !== undefined) throw telling(seen.pullers.error);
      demandNamed(seen, choice);
    }
    isFirst = false;
    return selected(seen, choice.names);
  };
}

function viewOf(format: Format, surroundings: StatusSurroundings): View {
  const { output, style } = surroundings;
  if (isDocument(format)) {
    return new DocumentView(output, (told) =>
      format === 'yaml' ? `---\n${yaml(reportDocument(told))}` : `${json(reportDocument(told))}\n`,
    );
  }
  // Some terminals have no size, which leaves nothing to draw on.
  const isCanvas = output.isTTY && output.columns && output.rows;
  return isCanvas ? new LiveView(output, style) : new PlainView(output);
}

function isDocument(format: Format): format is 'json' | 'yaml' {
  return format === 'json' || format === 'yaml';
}

function text(told: Report, format: Format, surroundings: StatusSurroundings): string {
  if (isDocument(format)) return documentText(format, reportDocument(told));
  const drawing = drawingOf(format, surroundings);
  return told.pullers.map((puller) => pullerTable(puller, drawing)).join('\n');
}

function documentText(format: 'json' | 'yaml', document: object): string {
  return format === 'yaml' ? yaml(document) : `${json(document, 2)}\n`;
}

/** Only on a terminal lines are cut, and not even there where everything is asked for. */
function drawingOf(format: Format, { output, style }: StatusSurroundings): Drawing {
  const isWide = format === 'wide';
  const isCut = output.isTTY === true && !isWide;
  return { width: isCut ? output.columns || 80 : Number.POSITIVE_INFINITY, style, isWide };
}

async function showNode(
  { pullers, unread }: Report,
  node: string,
  surroundings: StatusSurroundings & { readonly choice: StatusChoice },
): Promise<number> {
  const { client, output, choice } = surroundings;
  const about = await nodeReported(client, { pullers, unread }, node);
  output.write(
    isDocument(choice.format)
      ? documentText(choice.format, nodeDocument(about, unread))
      : nodeTable(about, drawingOf(choice.format, surroundings)),
  );
  return exitCodeOf(about.pullers.map(nodeOutcome));
}

/** Asks the node itself only where its pods leave something open. */
async function nodeReported(
  client: Client,
  { pullers }: Report,
  node: string,
): Promise<NodeReport> {
  const list = leavesOpen(pullers, node) ? await nodeList(client, node) : undefined;
  return nodeReport(pullers, node, list);
}

async function nodeList(client: Client, name: string): Promise<NodeList> {
  const node = await client.get(nodes, '', name).catch(asError);
  if (node instanceof Error) return { error: node.message };
  if (node === undefined) throw new NotThereError(`there is no node ${quote(name)}`);
  return nodeImages(node);
}

/** The code of the worst outcome. */
function exitCodeOf(outcomes: readonly (keyof typeof exitCodes)[]): number {
  const worst = (['untold', 'stuck', 'underway'] as const).find((each) => outcomes.includes(each));
  return outcomes.length === 0 ? exitCodes.untold : exitCodes[worst ?? 'ready'];
}
