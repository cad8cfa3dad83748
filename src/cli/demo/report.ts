import { count, nounCount, printable } from '../../api/text.ts';
import type { Condition, Finding } from '../../api/types.ts';
import type { KubeObject } from '../../kube/objects.ts';
import type { Style } from '../style.ts';
import { columns, wrapped } from '../text.ts';
import { findingLines } from './finding-lines.ts';
import { roleOf } from './frame.ts';
import type { ContainerFailure } from './grid.ts';
import { reservationLines } from './reservation-lines.ts';

/** What is told when the show is over. */
export interface Outcome {
  /** What the puller owns. */
  readonly objects: readonly KubeObject[];
  readonly conditions: readonly Condition[];
  readonly findings: readonly Finding[];
  readonly failures: readonly ContainerFailure[];
  /** Those that hold the images. */
  readonly daemonSets: readonly KubeObject[];
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
    ['What was found in the input', findingLines(outcome.findings, width)],
    ['What the cache reserves', reservationLines(outcome.daemonSets)],
    ['What the operator asked of the API server', requestLines(outcome)],
  ];
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([heading, lines]) => `${style.paint('heading', heading)}\n${indented(lines)}\n\n`)
    .join('');
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

/** Writes one by one, as they change the cluster; reads, dry runs and refusals as numbers; and the log. */
function requestLines({ requests, logLines }: Outcome): readonly string[] {
  const isRead = ({ method }: OperatorRequest) => method === 'GET';
  const reads = requests.filter(isRead);
  const dryRuns = requests.filter(({ path }) => /[?&]dryRun=All\b/.test(path));
  const writes = requests.filter((each) => !isRead(each) && !dryRuns.includes(each));
  const alike = Map.groupBy(writes, ({ method, path }) => `${method} ${resourceOf(path)}`);
  const watches = reads.filter(({ path }) => /[?&]watch=(?:1|true)\b/.test(path));
  const refused = requests.filter(({ code }) => code === 403);
  const troubles = logLines.filter((line) => /"level":"(?:warn|error)"/.test(line));
  const asked = [
    nounCount(writes.length, 'write'),
    nounCount(reads.length - watches.length, 'read'),
    nounCount(watches.length, 'watch', 'watches'),
    ...(dryRuns.length === 0 ? [] : [nounCount(dryRuns.length, 'dry run')]),
  ];
  return [
    `${asked.join(', ')}; ${countOrNone(refused.length)} refused by RBAC`,
    ...columns([...alike].map(([what, all]) => [`  ${count(all.length)}`, what])),
    `its log has ${nounCount(logLines.length, 'line')}, ${countOrNone(troubles.length)} of them a warning or an error`,
    ...troubles.slice(-10).map((line) => `  ${line}`),
  ];
}

function countOrNone(number: number): string {
  return number === 0 ? 'none' : count(number);
}

/** `daemonsets` or `kubernetesimagepullers/status`: what a path is about, without names. */
function resourceOf(path: string): string {
  const [, resource = path, subresource] =
    /^\/(?:api|apis\/[^/]+)\/[^/]+\/(?:namespaces\/[^/]+\/)?([^/?]+)(?:\/[^/?]+(?:\/([^/?]+))?)?/.exec(
      path,
    ) ?? [];
  return subresource === undefined ? resource : `${resource}/${subresource}`;
}
