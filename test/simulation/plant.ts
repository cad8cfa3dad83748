import { registerHooks } from 'node:module';
import { type PlantedBug, plantedBugs } from './planted-bugs.ts';

/**
 * To be imported before the simulation (`node --import`): plants the bug that PLANTED_BUG names into
 * the operator's source while it is loaded.
 */

/** The source with the bug in it; throws where its text does not stand there exactly once. */
export function withBug(source: string, { name, file, text, instead }: PlantedBug): string {
  const parts = source.split(text);
  if (parts.length !== 2) {
    throw new Error(
      `"${name}" does not fit src/${file} any more: its text is there ${parts.length - 1} times`,
    );
  }
  return parts.join(instead);
}

const wanted = process.env['PLANTED_BUG'];
const bug = plantedBugs.find(({ name }) => name === wanted);

if (bug !== undefined) {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!url.endsWith(`/src/${bug.file}`)) return loaded;
      return { ...loaded, source: withBug(String(loaded.source), bug) };
    },
  });
}
