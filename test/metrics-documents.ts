import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..');
/** A file of the project. */
export const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** A metric as a table or a scrape tells of it. */
export interface Told {
  readonly type: string;
  readonly labels: readonly string[];
}

/** The rows of docs/metrics.md that begin with the name of a metric. */
export function documented(): ReadonlyMap<string, Told> {
  const rows = read('docs/metrics.md').matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) ?\| /gm);
  return new Map(
    [...rows].map(([, name = '', type = '', labels = '']) => [
      name,
      { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label).sort() },
    ]),
  );
}

/** The metrics that a query reads. */
export function metricsIn(query: string): readonly string[] {
  const prefixes =
    'image_puller|controller_runtime|workqueue|rest_client|leader_election|process|nodejs';
  return [...query.matchAll(new RegExp(`\\b(?:${prefixes})_\\w+`, 'g'))].map(([name]) =>
    name.replace(/_(bucket|sum|count)$/, ''),
  );
}

/** An alert of config/prometheus. */
export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** All alerts of config/prometheus. */
export function rules(): readonly Rule[] {
  const { spec } = parse(read('config/prometheus/prometheus_rule.yaml')) as {
    spec: { groups: { rules: Rule[] }[] };
  };
  return spec.groups.flatMap((group) => group.rules);
}

interface Dashboard {
  readonly panels: readonly {
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

/** Everything that the panels of the dashboard ask, with its variables. */
export function dashboardQueries(): readonly string[] {
  const { panels }: Dashboard = JSON.parse(read('config/prometheus/dashboard.json'));
  return panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
}
