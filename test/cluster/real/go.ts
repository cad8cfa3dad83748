import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { output } from './command.ts';
import { outside } from './namespace.ts';
import { type GoSource, toolsFolder } from './parts.ts';

/**
 * The version of Go that builds a module in tools/, such as `1.26.8`: the installed one, or the one
 * that it fetches for the module, as GOTOOLCHAIN allows it (go.dev/doc/toolchain). Undefined where
 * Go does not say.
 */
export async function goVersion(module: string): Promise<string | undefined> {
  const words = outside(['go', 'env', 'GOVERSION']);
  const said = await output(words, { cwd: join(toolsFolder, module) }).catch(() => '');
  return /go(\d\S*)/.exec(said)?.[1];
}

/** Claims that a version of Go is older than another. */
export function isOlderGo(version: string, other: string): boolean {
  return version.localeCompare(other, 'en', { numeric: true }) < 0;
}

/** Builds a source's binaries and puts its documents beside them. */
export async function build(source: GoSource, into: string): Promise<void> {
  const variables = Object.entries(source.variables ?? {}).map(
    ([key, value]) => `-X ${key}=${value}`,
  );
  const [first = '', ...others] = Object.keys(source.packages);
  await go(source, [
    'build',
    '-mod=readonly',
    '-trimpath',
    '-buildvcs=false',
    `-tags=${source.tags ?? ''}`,
    `-ldflags=${['-s -w', ...variables].join(' ')}`,
    '-o',
    others.length === 0 ? join(into, first) : `${into}/`,
    ...Object.values(source.packages),
  ]);
  for (const [name, { module, files }] of Object.entries(source.documents ?? {})) {
    const folder = (await go(source, ['list', '-m', '-f', '{{.Dir}}', module])).trim();
    const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
    await writeFile(join(into, name), texts.join('\n---\n'));
  }
}

/** Statically linked, as nothing here needs a C library. */
async function go(source: GoSource, args: readonly string[]): Promise<string> {
  const options = { cwd: join(toolsFolder, source.module), environment: { CGO_ENABLED: '0' } };
  return await output(outside(['go', ...args]), options);
}
