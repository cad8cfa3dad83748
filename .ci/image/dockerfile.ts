import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BuildError } from './build-error.ts';
import type { Target } from './root.ts';

/** How a container of an image runs, in the terms of the OCI image configuration. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
}

/** The text of the project's Dockerfile. */
export function readDockerfile(): string {
  return readFileSync(join(import.meta.dirname, '../../Dockerfile'), 'utf8');
}

/**
 * Reads from a Dockerfile how containers of a target run, so that the image that is built without a
 * container engine cannot differ from the one that is built with it.
 *
 * @throws BuildError where the target does more than this builder would do: copy its root directory and say how
 * to run it
 */
export function imageConfig(target: Target, dockerfile: string): ImageConfig {
  const instructions = instructionsOf(target, dockerfile);
  const all = (name: string) => instructions.filter((one) => one.name === name);
  const copies = all('COPY').map(({ text }) => text);
  const understood = ['COPY', 'LABEL', 'ENV', 'USER', 'ENTRYPOINT', 'CMD'];
  const stranger = instructions.find(({ name }) => !understood.includes(name));
  if (stranger !== undefined) {
    throw new BuildError(
      `Dockerfile: the target ${target} has a ${stranger.name}, not understood here`,
    );
  }
  if (copies.join() !== `--from=roots /roots/${target}/ /`) {
    throw new BuildError(
      `Dockerfile: the target ${target} must copy /roots/${target}/ and nothing else`,
    );
  }
  const only = (name: string) => all(name).at(-1)?.text ?? '';
  const list = (name: string) => JSON.parse(only(name) || '[]') as readonly string[];
  return {
    User: only('USER'),
    Env: all('ENV').flatMap(({ text }) => pairs(text).map(([name, value]) => `${name}=${value}`)),
    Entrypoint: list('ENTRYPOINT'),
    Cmd: list('CMD'),
    Labels: Object.fromEntries(all('LABEL').flatMap(({ text }) => pairs(text))),
  };
}

interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** The instructions of a stage that starts from nothing. */
function instructionsOf(target: Target, dockerfile: string): readonly Instruction[] {
  const lines = dockerfile
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', text = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
      return { name, text };
    });
  const start = lines.findIndex(
    ({ name, text }) => name === 'FROM' && text === `scratch AS ${target}`,
  );
  if (start < 0) throw new BuildError(`Dockerfile: there is no stage "FROM scratch AS ${target}"`);
  const length = lines.slice(start + 1).findIndex(({ name }) => name === 'FROM');
  return lines.slice(start + 1, length < 0 ? undefined : start + 1 + length);
}

/** `name="value"` and `name=value`, separated by blanks. */
function pairs(text: string): readonly (readonly [name: string, value: string])[] {
  return [...text.matchAll(/([\w.-]+)=(?:"([^"]*)"|(\S+))/g)].map(
    ([, name = '', quoted, bare = '']) => [name, quoted ?? bare] as const,
  );
}
