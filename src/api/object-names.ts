/**
 * The grammars of Kubernetes names (kubernetes/apimachinery: pkg/api/validate/content). Each length is
 * tested first; the expressions are anchored and never go back over what they have read.
 */

const labelPattern = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;
const namePattern = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** The longest DNS-1123 label. */
export const maxLabelLength = 63;
/** The longest DNS-1123 subdomain. */
const maxSubdomainLength = 253;

/** Claims a DNS-1123 label, as container names and namespaces are. */
export function isLabel(text: string): boolean {
  return text.length <= maxLabelLength && labelPattern.test(text);
}

/** Claims a DNS-1123 subdomain, as names of ConfigMaps, Secrets, DaemonSets and nodes are. */
export function isSubdomain(text: string): boolean {
  return (
    text.length <= maxSubdomainLength && text.split('.').every((part) => labelPattern.test(part))
  );
}

/** Claims a label key: a name of at most 63 characters, optionally behind `subdomain/`. */
export function isLabelKey(text: string): boolean {
  const slash = text.indexOf('/');
  const name = text.slice(slash + 1);
  return (
    (slash < 0 || isSubdomain(text.slice(0, slash))) &&
    name.length <= maxLabelLength &&
    namePattern.test(name)
  );
}

/** Claims a label value: empty, or at most 63 characters. */
export function isLabelValue(text: string): boolean {
  return text === '' || (text.length <= maxLabelLength && namePattern.test(text));
}
