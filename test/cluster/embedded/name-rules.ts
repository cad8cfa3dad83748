/**
 * The grammars of names, labels and keys: each function says what is wrong with a value, or
 * nothing. kubernetes/kubernetes: apimachinery/pkg/util/validation/validation.go and
 * pkg/api/validate/content.
 */
export type Grammar = (value: string) => readonly string[];

const labelFormat = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomainFormat = `${labelFormat}(\\.${labelFormat})*`;
const keyFormat = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const configKeyFormat = '[-._a-zA-Z0-9]+';

const patterns = new Map<string, RegExp>();

/** Names are looked at at every write, and there are few formats. */
function matches(format: string, value: string): boolean {
  const pattern = patterns.get(format) ?? new RegExp(`^(${format})$`);
  patterns.set(format, pattern);
  return pattern.test(value);
}

/** A rule with its examples and its regular expression, as messages give it. */
function formatMessage(rule: string, format: string, examples: readonly string[]): string {
  const listed = examples.map((example) => `'${example}', `).join(' or ');
  return `${rule} (e.g. ${listed}regex used for validation is '${format}')`;
}

function tooLong(value: string, limit: number): readonly string[] {
  return value.length > limit ? [`must be no more than ${limit} characters`] : [];
}

/** An RFC 1123 label: the names of containers, volumes and namespaces. */
export const dnsLabel: Grammar = (value) => {
  const errors = tooLong(value, 63);
  if (matches(labelFormat, value)) return errors;
  if (matches(subdomainFormat, value)) return [...errors, 'must not contain dots'];
  const rule =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
  return [...errors, formatMessage(rule, labelFormat, ['my-name', '123-abc'])];
};

/** An RFC 1123 subdomain: the names of most objects. */
export const dnsSubdomain: Grammar = (value) => {
  const errors = tooLong(value, 253);
  if (matches(subdomainFormat, value)) return errors;
  const rule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
  return [...errors, formatMessage(rule, subdomainFormat, ['example.com'])];
};

/** The names of RBAC objects: anything that fits into a path. */
export const pathSegment: Grammar = (value) => {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].filter((one) => value.includes(one)).map((one) => `may not contain '${one}'`);
};

/** The key of a label, and, apart from case, of an annotation. */
export const labelKey: Grammar = (value) => {
  const parts = value.split('/');
  const [name = '', prefix] = parts.toReversed();
  const rule =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  const message = formatMessage(rule, keyFormat, ['MyName', 'my.name', '123-abc']);
  if (parts.length > 2) {
    return [
      `a valid label key ${message} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const errors = prefix === undefined ? [] : prefixErrors(prefix);
  const length = name === '' ? ['must be non-empty'] : tooLong(name, 63);
  const format = matches(keyFormat, name) ? [] : [message];
  return [...errors, ...[...length, ...format].map((error) => `name part ${error}`)];
};

function prefixErrors(prefix: string): readonly string[] {
  const errors = prefix === '' ? ['must be non-empty'] : dnsSubdomain(prefix);
  return errors.map((error) => `prefix part ${error}`);
}

export const labelValue: Grammar = (value) => {
  const errors = tooLong(value, 63);
  if (value === '' || matches(keyFormat, value)) return errors;
  const rule =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  return [...errors, formatMessage(rule, `(${keyFormat})?`, ['MyValue', 'my_value', '12345'])];
};

/** The key of a ConfigMap's or Secret's data. */
export const configKey: Grammar = (value) => {
  const errors = tooLong(value, 253);
  if (!matches(configKeyFormat, value)) {
    const rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
    return [...errors, formatMessage(rule, configKeyFormat, ['key.name', 'KEY_NAME', 'key-name'])];
  }
  return value === '.' || value === '..' ? [...errors, `must not be '${value}'`] : errors;
};
