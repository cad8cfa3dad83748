import { PassThrough } from 'node:stream';
import { say } from '../../src/cli/output.ts';

const sentence = 'what could not be read and why that is so';

function said(terminal: object): string {
  const output = Object.assign(new PassThrough(), terminal);
  say(output, sentence);
  return String(output.read());
}

describe('a sentence', () => {
  it('ends its lines between words on a terminal', () => {
    expect(said({ isTTY: true, columns: 20 })).toBe(
      'what could not be\n  read and why that\n  is so\n',
    );
  });

  it('is one line anywhere else', () => {
    expect(said({ columns: 20 })).toBe(`${sentence}\n`);
  });
});
