import { holdOf } from '../../api/findings.ts';
import { count, nounCount, printable } from '../../api/text.ts';
import type { ParsedSpec } from '../../api/types.ts';
import { type Ending, type Patience, patienceMs } from './follow.ts';
import { countCopies } from './grid.ts';
import type { OperatorProcess } from './operator-process.ts';
import type { DemoOptions } from './options.ts';
import type { Snapshot } from './view.ts';

/** What is said before the curtain rises. */
export function opening({ nodes, puller }: DemoOptions, parsed: ParsedSpec): string {
  return [
    `cluster   ${nounCount(nodes, 'node')}, inside this process`,
    'operator  a process of its own, over HTTP, with the rights of config/rbac',
    `puller    ${nameOf(puller)}: ${wishOf(parsed)}`,
    '',
    '',
  ].join('\n');
}

/** In a held spec, defaults stand for what could not be read: they are nobody's wish. */
function wishOf({ spec: { images }, findings }: ParsedSpec): string {
  if (holdOf(findings)) return 'a spec that cannot be followed';
  const names = images.flatMap((image) => image.names).length;
  const under = names === images.length ? '' : ` under ${count(names)} names`;
  return `${nounCount(images.length, 'image')}${under}`;
}

/** How it ended. */
export interface Closing {
  readonly ending: Ending;
  readonly options: DemoOptions;
  readonly last: Snapshot;
  readonly patience: Patience;
  readonly operator: Pick<OperatorProcess, 'ended' | 'lines'>;
}

const lastLines = 10;

/** What is said at the end. */
export function closing({ ending, options, last, patience, operator }: Closing): string {
  const name = nameOf(options.puller);
  switch (ending) {
    case 'ready':
      return `${name} is Ready after ${seconds(last.elapsedMs)}.\n${onYourOwn}`;
    case 'held':
      return `${name} is not Ready: its spec is held for ${last.heldFor}, and nothing is applied until that is corrected.\n`;
    case 'stuck': {
      const { held, pulled, missing, failing } = countCopies(last.grid);
      const here = count(held + pulled);
      const all = count(held + pulled + missing + failing);
      return `${name} is not Ready, and nothing has moved for ${seconds(patienceMs(last, patience))}.\n${here} of ${all} copies are on the nodes.\n`;
    }
    case 'operator-ended':
      return operatorEnded(operator);
    case 'interrupted':
      return 'interrupted\n';
  }
}

/** What is said of an operator that ends by itself. */
export function operatorEnded({ ended, lines }: Closing['operator']): string {
  const last = lines.slice(-lastLines).map((line) => `  ${printable(line, 2000)}\n`);
  return `The operator ${ended}. Its last lines:\n${last.join('')}`;
}

const onYourOwn = `
On a cluster of your own:
  kubectl apply -k config/default
  kubectl apply -f config/samples/image-puller.yaml
`;

/** What is said of a cluster that stays: how to look at it, and how to end it. */
export function kept(kubeconfig: string): string {
  return `
The cluster and the operator go on. In another terminal:
  kubectl --kubeconfig ${kubeconfig} get kip -A
Ctrl-C ends them.
`;
}

function nameOf({ metadata }: DemoOptions['puller']): string {
  return printable(`${metadata.namespace}/${metadata.name}`, 200);
}

function seconds(ms: number): string {
  return nounCount(Math.floor(ms / 1000), 'second');
}
