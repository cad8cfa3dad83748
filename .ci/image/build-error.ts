/** Why an image cannot be built, where a person can mend it: told in a sentence, without a stack. */
export class BuildError extends Error {
  override readonly name = 'BuildError';
}
