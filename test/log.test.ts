import { Writable } from 'node:stream';
import { createLog, type LogOptions } from '../src/log.ts';

/** What a log writes for one entry. */
function written(
  format: 'json' | 'pretty',
  write: (log: ReturnType<typeof createLog>) => void,
): string {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  }) as LogOptions['stream'];
  write(createLog({ level: 'info', format, stream }));
  return text;
}

const forged = 'ok\n{"level":"error"}\u001b[31m';

describe('the log', () => {
  it('is one JSON line an entry, with the message and the fields', () => {
    const line = written('json', (log) => log.info('created', { key: 'a/b', number: 1 }));
    expect(JSON.parse(line)).toMatchObject({
      level: 'info',
      message: 'created',
      key: 'a/b',
      number: 1,
    });
    expect(line.trimEnd()).not.toContain('\n');
  });

  it('ends nothing when its reader has gone', () => {
    const stream = new Writable({
      write: (_chunk, _encoding, done) => done(new Error('EPIPE')),
    }) as LogOptions['stream'];
    const log = createLog({ level: 'info', format: 'json', stream });
    expect(() => log.info('unheard')).not.toThrow();
    expect(stream.listenerCount('error')).toBeGreaterThan(0);
  });

  it('leaves out what is below its level', () => {
    expect(written('json', (log) => log.debug('read'))).toBe('');
  });

  it.each(['json', 'pretty'] as const)(
    'lets no value forge a line or colour a terminal: %s',
    (format) => {
      const text = written(format, (log) => log.info(forged, { value: forged }));
      expect(text.trimEnd().split('\n')).toHaveLength(1);
      expect(text).not.toContain('\u001b');
    },
  );

  it.each(['json', 'pretty'] as const)('tells an error with its causes: %s', (format) => {
    const error = new Error('apply', { cause: new Error('refused') });
    expect(written(format, (log) => log.error('failed', { error }))).toContain('apply: refused');
  });
});
