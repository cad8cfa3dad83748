import { isRegistryPattern } from './api/allowance.ts';
import { isLabel, isLabelKey, isSubdomain } from './api/object-names.ts';
import { parseReference } from './api/reference.ts';
import { isRefusal } from './api/refusal.ts';
import { quote } from './api/text.ts';
import { ConfigError } from './errors.ts';
import { leaseName } from './manifests/names.ts';
import { operatorImage, sleeperImage } from './release.ts';

/** The settings of the operator, read once from the environment and frozen. */
export interface OperatorConfig {
  /** Namespaces to watch; empty means all. */
  readonly watchNamespaces: readonly string[];
  /** Where the operator runs; empty outside a cluster. */
  readonly podNamespace: string;
  /** The operator's own pod; empty outside a cluster. */
  readonly podName: string;
  /** The Lease without which the operator writes nothing; undefined where it is alone by promise. */
  readonly lease: LeaseConfig | undefined;
  /** The name the operator goes by in logs and user agent. */
  readonly operatorName: string;
  /** The operator's own image, which the Deployment of each puller runs. */
  readonly operatorImage: string;
  /** Where cache containers get their `sleep` from. */
  readonly sleeperImage: string;
  /** The largest number of images in one puller. */
  readonly maxImages: number;
  /** Patterns of the registries that images may come from; empty for any. */
  readonly allowedRegistries: readonly string[];
  /** Keys of the taints that pullers may tolerate; empty for any. */
  readonly allowedTolerationKeys: readonly string[];
  /** The PriorityClass of all pods of pullers; undefined leaves them the cluster's default. */
  readonly priorityClass: string | undefined;
  /** Pods above the desired number during a roll-out: a number, or a percentage of the nodes. */
  readonly maxSurge: number | string;
  /** A roll-out that has not advanced for this long is reported as stalled. */
  readonly progressDeadlineMs: number;
  /** How many pullers are worked on at once. */
  readonly workers: number;
  /** Port of /healthz and /readyz; 0 takes any free one. */
  readonly healthPort: number;
  /** Port of /metrics; 0 for none. */
  readonly metricsPort: number;
  /** Where the certificate of /metrics is, or may appear: tls.crt and tls.key; empty for nowhere. */
  readonly metricsCertDir: string;
  readonly log: LogConfig;
}

/** Where the operators of one installation agree on who leads. */
export interface LeaseConfig {
  readonly namespace: string;
  readonly name: string;
}

/** How the log looks. */
export interface LogConfig {
  readonly level: LogLevel;
  readonly format: LogFormat;
}

const logLevels = ['error', 'warn', 'info', 'debug'] as const;
/** How much is logged: this level and what is worse. */
export type LogLevel = (typeof logLevels)[number];
const logFormats = ['auto', 'json', 'pretty'] as const;
/** `auto` is pretty on a terminal and JSON elsewhere. */
export type LogFormat = (typeof logFormats)[number];

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the operator's settings. A variable that is absent or blank has its default.
 *
 * @throws ConfigError that names the variable, its value and what would be right.
 */
export function operatorConfig(env: Environment): OperatorConfig {
  return Object.freeze({
    watchNamespaces: list(env, 'WATCH_NAMESPACE', watchedNamespace),
    podNamespace: name(env, 'POD_NAMESPACE', ''),
    podName: name(env, 'POD_NAME', ''),
    lease: lease(env),
    operatorName: name(env, 'OPERATOR_NAME', 'kubernetes-image-puller-operator'),
    operatorImage: image(env, 'RELATED_IMAGE_OPERATOR', operatorImage),
    sleeperImage: image(env, 'RELATED_IMAGE_SLEEPER', sleeperImage),
    maxImages: integer(env, 'MAX_IMAGES', 500, { min: 1, max: 10_000 }),
    allowedRegistries: list(env, 'ALLOWED_REGISTRIES', registryPattern),
    allowedTolerationKeys: list(env, 'ALLOWED_TOLERATION_KEYS', taintKey),
    priorityClass: name(env, 'PRIORITY_CLASS', '') || undefined,
    maxSurge: surge(env, 'MAX_SURGE', '10%'),
    progressDeadlineMs:
      1000 * integer(env, 'PROGRESS_DEADLINE_SECONDS', 600, { min: 1, max: 86_400 }),
    workers: integer(env, 'WORKERS', 10, { min: 1, max: 64 }),
    healthPort: healthPort(env),
    metricsPort: metricsPort(env),
    metricsCertDir: text(env, 'METRICS_CERT_DIR', ''),
    log: logConfig(env),
  });
}

/**
 * Reads LOG_LEVEL and LOG_FORMAT, which every entry point obeys.
 *
 * @throws ConfigError that names the variable.
 */
export function logConfig(env: Environment): LogConfig {
  return {
    level: oneOf(env, 'LOG_LEVEL', logLevels, 'info'),
    format: oneOf(env, 'LOG_FORMAT', logFormats, 'auto'),
  };
}

/**
 * Reads HEALTH_PORT, which operator and puller obey.
 *
 * @throws ConfigError that names the variable.
 */
export function healthPort(env: Environment): number {
  return integer(env, 'HEALTH_PORT', 8081, { min: 0, max: 65_535 });
}

/** Stands for election wherever the operator knows its namespace: in a cluster, not on a desk. */
function lease(env: Environment): LeaseConfig | undefined {
  const namespace = text(env, 'POD_NAMESPACE', '');
  // A wrong one is told also where nobody stands for election yet.
  const leader = name(env, 'LEASE_NAME', leaseName);
  const choice = oneOf(env, 'LEADER_ELECT', ['true', 'false'], String(namespace !== ''));
  if (choice === 'false') return undefined;
  if (namespace === '') {
    throw wrong('LEADER_ELECT', choice, 'POD_NAMESPACE beside it, which says where the Lease is');
  }
  return Object.freeze({ namespace, name: leader });
}

/** As in the Go operator, 0 means off; so does a run outside a cluster, where nobody scrapes. */
function metricsPort(env: Environment): number {
  const otherwise = text(env, 'POD_NAMESPACE', '') === '' ? 0 : 8443;
  return integer(env, 'METRICS_PORT', otherwise, { min: 0, max: 65_535 });
}

/** An integer in a range, or the default where the variable is blank. */
function integer(
  env: Environment,
  name: string,
  otherwise: number,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const value = text(env, name, String(otherwise));
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= min && number <= max)) {
    throw wrong(name, value, `a whole number from ${min} to ${max}`);
  }
  return number;
}

function text(env: Environment, name: string, otherwise: string): string {
  const value = env[name]?.trim();
  return value === undefined || value === '' ? otherwise : value;
}

function oneOf<Choice extends string>(
  env: Environment,
  name: string,
  choices: readonly Choice[],
  otherwise: Choice,
): Choice {
  const value = text(env, name, otherwise);
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw wrong(name, value, `one of ${choices.join(', ')}`);
  return choice;
}

/** The name of an object; empty where it is not known. */
function name(env: Environment, variable: string, otherwise: string): string {
  const value = text(env, variable, otherwise);
  if (value !== '' && !isSubdomain(value)) {
    throw wrong(variable, value, 'lower-case letters, digits, "-" and ".", as in names of objects');
  }
  return value;
}

function image(env: Environment, name: string, otherwise: string): string {
  const value = text(env, name, otherwise);
  const parsed = parseReference(value);
  if (isRefusal(parsed)) throw wrong(name, value, `an image reference, yet ${parsed.refusal}`);
  return value;
}

/** What an entry of a list must be, in code and in words. */
interface EntryRule {
  readonly isValid: (entry: string) => boolean;
  readonly expected: string;
}

const watchedNamespace: EntryRule = {
  isValid: isLabel,
  expected: 'a comma-separated list of namespaces, or empty for all',
};
const registryPattern: EntryRule = {
  isValid: isRegistryPattern,
  expected:
    'a comma-separated list of registries such as quay.io, *.example.com:5000 or docker.io/library, or empty for all',
};
const taintKey: EntryRule = {
  isValid: isLabelKey,
  expected: 'a comma-separated list of keys of taints, or empty for all',
};

/** Blanks between commas are ignored. */
function list(env: Environment, name: string, { isValid, expected }: EntryRule): readonly string[] {
  const entries = text(env, name, '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  const bad = entries.find((entry) => !isValid(entry));
  if (bad !== undefined) throw wrong(name, bad, expected);
  return [...new Set(entries)];
}

/** `maxSurge` as a DaemonSet takes it, at least one: with none, no pod could be replaced without a gap. */
function surge(env: Environment, name: string, otherwise: string): number | string {
  const value = text(env, name, otherwise);
  const [, digits = '', percent] = /^(\d{1,5})(%?)$/.exec(value) ?? [];
  const number = Number(digits);
  if (digits === '' || number < 1 || (percent === '%' && number > 100)) {
    throw wrong(
      name,
      value,
      'a number of pods from 1, or a percentage of the nodes from 1% to 100%',
    );
  }
  return percent === '%' ? value : number;
}

function wrong(name: string, value: string, expected: string): ConfigError {
  return new ConfigError(`${name} is ${quote(value, 100)}: expected ${expected}`);
}
