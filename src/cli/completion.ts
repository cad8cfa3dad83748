import { quote } from '../api/text.ts';
import type { Environment } from '../config.ts';
import { UsageError } from '../errors.ts';
import { candidates } from './completion/answer.ts';
import { questionOf } from './completion/question.ts';
import { scripts } from './completion/scripts.ts';

/** What `completion --help` prints. */
export const completionUsage = `Usage: completion bash|zsh|fish

Prints what makes that shell complete commands, flags, pullers, nodes and namespaces after
kubectl-image_puller:

  bash  source <(kubectl-image_puller completion bash)
  zsh   source <(kubectl-image_puller completion zsh)
  fish  kubectl-image_puller completion fish | source

kubectl itself completes after "kubectl image-puller" when this program is also found in the PATH as
kubectl_complete-image_puller: npm makes that link, and otherwise this does, beside the plug-in:

  ln -s kubectl-image_puller kubectl_complete-image_puller
`;

/**
 * The `completion` command: what a shell has to read.
 *
 * @throws UsageError
 */
export function completion(args: readonly string[]): string {
  const [shell = '', ...others] = args;
  if (shell === '--help' || shell === '-h') return completionUsage;
  const script = others.length === 0 ? scripts[shell] : undefined;
  if (script !== undefined) return script;
  throw new UsageError(
    `completion is asked for ${quote(args.join(' '))}: expected one of ${Object.keys(scripts).join(', ')}\n\n${completionUsage}`,
  );
}

/** After these words kubectl and shells take files for candidates, and after the others nothing. */
const directives = { files: ':0', noFiles: ':4' };

/**
 * The `__complete` command, which shells and kubectl call: the candidates for the last of the words,
 * each on a line with a tab and its description, then what else could stand there. Where the cluster
 * does not answer there are none: nobody wants to read an error in the middle of a word.
 */
export async function complete(words: readonly string[], env: Environment): Promise<string> {
  const question = questionOf(words);
  const lines = await candidates(question, env).catch(() => []);
  const directive = question.subject === 'file' ? directives.files : directives.noFiles;
  return [...lines, directive].map((line) => `${line}\n`).join('');
}
