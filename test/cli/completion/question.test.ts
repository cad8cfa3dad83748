import { parseArgs } from 'node:util';
import { commands, questionOf, type Subject } from '../../../src/cli/completion/question.ts';

describe('the word at the end of', () => {
  it.each<[string, Subject]>([
    ['', 'command'],
    ['sta', 'command'],
    ['status ', 'puller'],
    ['status im', 'puller'],
    ['status image-puller ', 'puller'],
    ['status --', 'flag'],
    ['status -n', 'flag'],
    ['status -n ', 'namespace'],
    ['status --namespace work', 'namespace'],
    ['status --node ', 'node'],
    ['status --context ', 'context'],
    ['status --cluster ', 'cluster'],
    ['status --user ', 'user'],
    ['status --kubeconfig ', 'file'],
    ['status --token ', 'nothing'],
    ['status --insecure-skip-tls-verify ', 'puller'],
    ['status --request-timeout ', 'nothing'],
    ['status -A ', 'puller'],
    ['status -w -o ', 'format'],
    ['status --output=json ', 'puller'],
    ['render -f ', 'file'],
    ['render ', 'nothing'],
    ['completion ', 'shell'],
    ['operator ', 'nothing'],
  ])('"%s" could become a %s', (line, subject) => {
    expect(questionOf(line.split(' ')).subject).toBe(subject);
  });

  it('a line of words comes with those before it', () => {
    expect(questionOf(['status', '-n', 'there', 'im'])).toMatchObject({
      begun: 'im',
      before: ['-n', 'there'],
    });
  });
});

describe('the flags of a command', () => {
  it.each(Object.keys(commands))('%s have descriptions and spellings that parse', (name) => {
    for (const { name: flag, short, value, description } of commands[name]?.flags ?? []) {
      expect(description).toMatch(/^[\w'][\w' -]+$/);
      const type = value === undefined ? 'boolean' : 'string';
      const args = [`--${flag}`, ...(value === undefined ? [] : ['x'])];
      const options = { [flag]: { type, ...(short && { short }) } } as const;
      expect(() => parseArgs({ args, options })).not.toThrow();
    }
  });
});
