import { parseQuantity } from '../../api/quantity.ts';
import { isRefusal } from '../../api/refusal.ts';
import { count, printable } from '../../api/text.ts';
import type { Condition, Finding, Verdict } from '../../api/types.ts';
import type { KubeObject } from '../../kube/objects.ts';
import { rolloutOf } from '../../status/rollout.ts';
import { columns, roleOf } from './frame.ts';
import type { ContainerFailure } from './grid.ts';
import type { Style } from './style.ts';

/** What is told when the show is over. */
export interface Outcome {
  /** What the puller owns. */
  readonly objects: readonly KubeObject[];
  readonly conditions: readonly Condition[];
  readonly findings: readonly Finding[];
  readonly failures: readonly ContainerFailure[];
  /** The DaemonSet that holds the images, where there is one. */
  readonly daemonSet: KubeObject | undefined;
  readonly requests: readonly OperatorRequest[];
  readonly logLines: readonly string[];
}

/** A request of the operator, as the API server logged it. */
export interface OperatorRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly code: number;
}

/** The closing text, in sections that end with an empty line. */
export function report(outcome: Outcome, width: number, style: Style): string {
  const sections: readonly (readonly [heading: string, lines: readonly string[]])[] = [
    ['What keeps containers from starting', failureLines(outcome, width, style)],
    ['Objects made', objectLines(outcome)],
    ['Conditions', conditionParagraphs(outcome, width, style)],
    ['What the input needed', findingLines(outcome, width)],
    ['What the cache reserves', reservationLines(outcome)],
    ['What the operator asked of the API server', requestLines(outcome)],
  ];
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([heading, lines]) => `${style.paint('heading', heading)}\n${indented(lines)}\n\n`)
    .join('');
}

/**
 * Breaks a text into lines of at most `width` characters, between words where it can; lines after
 * the first begin with `indent`.
 */
export function wrapped(text: string, width: number, indent = ''): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length <= width || line.trim() === '') line = longer;
    else {
      lines.push(line);
      line = indent + word;
    }
  }
  return [...lines, line];
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`.trimEnd()).join('\n');
}

function failureLines({ failures }: Outcome, width: number, style: Style): readonly string[] {
  return failures.flatMap(({ container, image, reasons, message, nodes }) => [
    `${container}: ${style.paint('bad', reasons.join(', '))} on ${nounCount(nodes, 'node')}`,
    `  ${image}`,
    ...wrapped(printable(message, 2000), width - 4).map((line) => `  ${line}`),
  ]);
}

function objectLines({ objects }: Outcome): readonly string[] {
  return columns(objects.map(({ kind, metadata }) => [kind, metadata.name ?? '']));
}

function conditionParagraphs(
  { conditions }: Outcome,
  width: number,
  style: Style,
): readonly string[] {
  return conditions.flatMap((condition) => {
    const { type, status, reason, message } = condition;
    return [
      `${style.paint(roleOf(condition), `${type} ${status}`)} ${reason}`,
      ...wrapped(printable(message, 2000), width - 4).map((line) => `  ${line}`),
    ];
  });
}

const verdictTexts: Readonly<Record<Verdict, string>> = {
  hold: 'nothing is applied until this changes',
  skip: 'left out',
  default: 'replaced by the default',
  fix: 'mended',
  note: 'taken as it is',
};

/** Findings of one field and verdict under one heading, which says for each what is repeated. */
function findingLines({ findings }: Outcome, width: number): readonly string[] {
  const groups = Map.groupBy(findings, ({ field, verdict, reason }) => {
    const place = field === 'spec' ? field : `spec.${field}`;
    return `${place}, ${verdictTexts[verdict]} (${reason})`;
  });
  return [...groups].flatMap(([heading, members]) => [
    `${heading}:`,
    ...members.flatMap(({ field, message }) => {
      const prefix = `spec.${field}: `;
      const text = message.startsWith(prefix) ? message.slice(prefix.length) : message;
      return wrapped(`- ${text}`, width - 4, '  ').map((line) => `  ${line}`);
    }),
  ]);
}

/**
 * The requests of the DaemonSet's pod: of init containers, which run alone and one by one, the largest
 * counts, and of the others the sum (Kubernetes documentation, "Resource sharing within containers").
 */
function reservationLines({ daemonSet }: Outcome): readonly string[] {
  if (daemonSet === undefined) return [];
  const nodes = rolloutOf(daemonSet).desired;
  const { initContainers = [], containers } = (daemonSet['spec'] as DaemonSetSpec).template.spec;
  const [first] = containers;
  if (first === undefined) return [];
  const of = (resource: 'cpu' | 'memory') => {
    const sum = containers.reduce((total, container) => total + request(container, resource), 0n);
    return initContainers
      .map((container) => request(container, resource))
      .reduce((most, value) => (value > most ? value : most), sum);
  };
  const [cpu, memory] = [of('cpu'), of('memory')];
  const each = `${cpuText(request(first, 'cpu'))} CPU and ${memoryText(request(first, 'memory'))}`;
  return [
    `on each node ${cpuText(cpu)} CPU and ${memoryText(memory)}: ${nounCount(containers.length, 'container')} of ${each}`,
    `on ${nounCount(nodes, 'node')} ${cpuText(cpu * BigInt(nodes))} CPU and ${memoryText(memory * BigInt(nodes))}`,
  ];
}

interface Container {
  readonly resources?: { readonly requests?: { readonly cpu?: string; readonly memory?: string } };
}

interface DaemonSetSpec {
  readonly template: {
    readonly spec: {
      readonly initContainers?: readonly Container[];
      readonly containers: readonly Container[];
    };
  };
}

/** In nano-units; 0 where nothing is requested. */
function request({ resources }: Container, resource: 'cpu' | 'memory'): bigint {
  const quantity = parseQuantity(resources?.requests?.[resource] ?? '0');
  return isRefusal(quantity) ? 0n : quantity.nanos;
}

/** Thousandths of a core, rounded up, or whole and decimal cores from one on. */
function cpuText(nanos: bigint): string {
  const millis = Number((nanos + 999_999n) / 1_000_000n);
  return millis < 1000 ? `${millis}m` : String(millis / 1000);
}

const memoryUnits = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const;

/** In the largest unit of which there is at least one, with one decimal where it is not whole. */
function memoryText(nanos: bigint): string {
  const bytes = Number(nanos / 1_000_000_000n);
  const power = bytes < 1 ? 0 : Math.min(6, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${Number.isInteger(value) ? value : value.toFixed(1)}${memoryUnits[power]}`;
}

/** Writes one by one, as they change the cluster; reads and refusals as numbers; and the log. */
function requestLines({ requests, logLines }: Outcome): readonly string[] {
  const isRead = ({ method }: OperatorRequest) => method === 'GET';
  const writes = Map.groupBy(
    requests.filter((each) => !isRead(each)),
    ({ method, path }) => `${method} ${resourceOf(path)}`,
  );
  const reads = requests.filter(isRead);
  const watches = reads.filter(({ path }) => /[?&]watch=(?:1|true)\b/.test(path));
  const refused = requests.filter(({ code }) => code === 403);
  const troubles = logLines.filter((line) => /"level":"(?:warn|error)"/.test(line));
  const writeCount = requests.length - reads.length;
  return [
    `${nounCount(writeCount, 'write')}, ${nounCount(reads.length - watches.length, 'read')}, ${nounCount(watches.length, 'watch', 'watches')}; ${count(refused.length)} refused by RBAC`,
    ...columns([...writes].map(([what, all]) => [`  ${count(all.length)}`, what])),
    `its log has ${nounCount(logLines.length, 'line')}, ${count(troubles.length)} of them warnings or errors`,
    ...troubles.slice(-10).map((line) => `  ${line}`),
  ];
}

/** `daemonsets` or `kubernetesimagepullers/status`: what a path is about, without names. */
function resourceOf(path: string): string {
  const [, resource = path, subresource] =
    /^\/(?:api|apis\/[^/]+)\/[^/]+\/(?:namespaces\/[^/]+\/)?([^/?]+)(?:\/[^/?]+(?:\/([^/?]+))?)?/.exec(
      path,
    ) ?? [];
  return subresource === undefined ? resource : `${resource}/${subresource}`;
}

function nounCount(number: number, noun: string, plural = `${noun}s`): string {
  return `${count(number)} ${number === 1 ? noun : plural}`;
}
