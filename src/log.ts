import winston from 'winston';
import type { LogFormat, LogLevel } from './config.ts';

/** What the program's parts see of the log: constant messages, values in fields. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

/** Values of one line. An `error` field is written with its message and causes, never its stack. */
export type Fields = Readonly<Record<string, unknown>>;

/** What is logged, how, and where to. */
export interface LogOptions {
  readonly level: LogLevel;
  /** `auto` is pretty where the stream is a terminal and JSON elsewhere. */
  readonly format: LogFormat;
  readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/**
 * A winston logger that writes one line for each entry: JSON for machines, short and readable for
 * a terminal. Control characters are escaped in both, so that no value can forge a line. What cannot
 * be written is lost, and nothing else happens.
 */
export function createLog(options: LogOptions): Log {
  // A reader that goes away (`| head`) must not end what the log is about.
  options.stream.on('error', () => {});
  const pretty = options.format === 'pretty' || (options.format === 'auto' && options.stream.isTTY);
  return winston.createLogger({
    level: options.level,
    format: winston.format.combine(
      winston.format.timestamp(),
      pretty ? prettyLine : winston.format.json({ replacer: jsonValue, deterministic: false }),
    ),
    transports: [new winston.transports.Stream({ stream: options.stream })],
  });
}

/** A log that says nothing, for tests of parts whose log is not looked at. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

const prettyLine = winston.format.printf(({ timestamp, level, message, ...fields }) => {
  const time = String(timestamp).slice(11, 23);
  const values = Object.entries(fields)
    .map(([name, value]) => `${name}=${oneLine(jsonValue(name, value))}`)
    .join(' ');
  return `${time} ${level.padEnd(5)} ${printable(String(message))}${values ? `  ${values}` : ''}`;
});

function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  return value instanceof Error ? errorChain(value) : value;
}

/** The message of an error followed by those of its causes that it does not quote itself. */
export function errorChain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause === undefined) return error.message;
  const cause = errorChain(error.cause);
  return error.message.includes(cause) ? error.message : `${error.message}: ${cause}`;
}

function oneLine(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value) ?? 'undefined';
  return /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value);
}

function printable(text: string): string {
  return JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
}
