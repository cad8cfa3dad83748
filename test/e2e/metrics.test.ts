import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import {
  metricsReaderRole,
  metricsService,
  metricsServiceName,
  serviceMonitor,
} from '../../src/manifests/metrics.ts';
import {
  metricsPort,
  metricsPortName,
  operatorNamespace,
  operatorUser,
} from '../../src/manifests/operator.ts';
import { output } from '../cluster/real/command.ts';
import { RealCluster, startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { tool } from '../cluster/real/tools.ts';
import { dashboardQueries, documented, metricsIn, read, rules } from '../metrics-documents.ts';
import { installOperator, pushImage } from './installation.ts';
import { Prometheus } from './prometheus/prometheus.ts';

const job = `job="${metricsServiceName}"`;
/** Who scrapes, and who would like to. */
const monitoring = { namespace: 'monitoring', scraper: 'prometheus', stranger: 'stranger' };

let folder: string;
let tools: string;
const promtool = (args: readonly string[], input = '') =>
  output([join(tools, 'promtool'), ...args], { cwd: folder, input });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  tools = await tool('prometheus', (line) => process.stderr.write(`${line}\n`));
  writeFileSync(
    join(folder, 'rules.yaml'),
    stringify({ groups: [{ name: 'image-puller', rules: rules() }] }),
  );
}, startTimeoutMs);
afterAll(() => rmSync(folder, { recursive: true }));

describe('the alerts', () => {
  it('are rules as Prometheus takes them', async () => {
    expect(await promtool(['check', 'rules', 'rules.yaml'])).toContain('SUCCESS: 4 rules found');
  });

  it('fire when they are to, and say what is the matter', async () => {
    copyFileSync(join(import.meta.dirname, 'prometheus/alerts.yaml'), join(folder, 'alerts.yaml'));
    expect(await promtool(['test', 'rules', 'alerts.yaml'])).toContain('SUCCESS');
  });
});

describe('the scrape_configs of docs/metrics.md', () => {
  it('are taken by Prometheus, but for the discovery that Debian builds it without', async () => {
    const [, document = ''] =
      /```yaml\n(scrape_configs:\n.*?)```/s.exec(read('docs/metrics.md')) ?? [];
    const {
      scrape_configs: [told = {}, ...others],
    }: ScrapeConfigs = parse(document);
    const { kubernetes_sd_configs: discovery, authorization, ...rest } = told;
    expect({ others, job: rest['job_name'], authorization }).toEqual({
      others: [],
      job: metricsServiceName,
      authorization: {
        credentials_file: expect.stringMatching(/^\/var\/run\/secrets\/.*\/token$/),
      },
    });
    expect(discovery).toEqual([{ role: 'endpoints', namespaces: { names: [operatorNamespace] } }]);
    writeFileSync(join(folder, 'token'), 'a token');
    const scraped = { ...rest, authorization: { credentials_file: 'token' } };
    writeFileSync(join(folder, 'plain.yaml'), stringify({ scrape_configs: [scraped] }));
    expect(await promtool(['check', 'config', 'plain.yaml'])).toContain('SUCCESS');
  });
});

interface ScrapeConfigs {
  readonly scrape_configs: readonly Readonly<Record<string, unknown>>[];
}

describe('the operator, scraped by a real Prometheus', () => {
  let cluster: RealCluster;
  let prometheus: Prometheus;
  let tokens: Readonly<Record<'scraper' | 'stranger', string>>;
  /** The addresses of the two pods. */
  let addresses: readonly string[];

  beforeAll(async () => {
    cluster = await RealCluster.start();
    await pushImage(cluster, 'operator');
    await pushImage(cluster, 'sleeper');
    await cluster.registry.push('a:1', { ...cluster.busyboxImage, seed: 'a' });
    await installOperator(cluster);
    tokens = await accounts();
    await applyPuller();
    const pods = [
      '-n',
      operatorNamespace,
      'get',
      'pods',
      '-o',
      'jsonpath={.items[*].status.podIP}',
    ];
    addresses = (await kubectl(pods)).split(' ');
    prometheus = await Prometheus.start(join(tools, 'prometheus'), folder, await configuration());
    await cluster.until(async () => (await up()) === addresses.length);
  }, startTimeoutMs);

  // Undefined where they did not come up.
  afterAll(async () => {
    await (prometheus as Prometheus | undefined)?.stop();
    await (cluster as RealCluster | undefined)?.stop();
  }, startTimeoutMs);

  const kubectl = (args: readonly string[], input?: string) => cluster.kubectl(args, input);

  /** One that may scrape, and one that may nothing. */
  async function accounts() {
    const { namespace, scraper, stranger } = monitoring;
    const reader = metricsReaderRole().metadata.name ?? '';
    await kubectl(['create', 'namespace', namespace]);
    for (const name of [scraper, stranger]) {
      await kubectl(['-n', namespace, 'create', 'serviceaccount', name]);
    }
    const subject = `--serviceaccount=${namespace}:${scraper}`;
    await kubectl(['create', 'clusterrolebinding', 'scraper', `--clusterrole=${reader}`, subject]);
    const token = async (name: string) =>
      (await kubectl(['-n', namespace, 'create', 'token', name])).trim();
    return { scraper: await token(scraper), stranger: await token(stranger) };
  }

  async function applyPuller(): Promise<void> {
    const puller = {
      apiVersion: 'che.eclipse.org/v1alpha1',
      kind: 'KubernetesImagePuller',
      metadata: { name: 'puller', namespace: 'default' },
      spec: { images: `a=${cluster.registry.reference('a:1')}` },
    };
    await kubectl(['apply', '-f', '-'], JSON.stringify(puller));
    await kubectl(['wait', '--for=condition=Ready', 'kip/puller', '--timeout=60s']);
  }

  /**
   * What discovery finds by our ServiceMonitor. Debian's Prometheus is built without the discovery of
   * Kubernetes, so its labels are put together here.
   */
  async function discovered(): Promise<readonly object[]> {
    const { selector } = serviceMonitor()['spec'] as Monitor;
    const labels = Object.entries(selector.matchLabels).map(([name, value]) => `${name}=${value}`);
    const inNamespace = ['-n', serviceMonitor().metadata.namespace ?? '', '-o', 'json', 'get'];
    const list = await kubectl([...inNamespace, 'endpointslices', '-l', labels.join(',')]);
    const { items }: { items: readonly EndpointSlice[] } = JSON.parse(list);
    return items.flatMap(({ metadata, ports, endpoints }) =>
      endpoints.flatMap(({ addresses, targetRef }) =>
        ports.map(({ name, port }) => ({
          targets: [`${addresses[0]}:${port}`],
          labels: {
            __meta_kubernetes_namespace: metadata.namespace,
            __meta_kubernetes_service_name: metadata.labels['kubernetes.io/service-name'],
            __meta_kubernetes_endpoint_port_name: name,
            __meta_kubernetes_pod_name: targetRef.name,
          },
        })),
      ),
    );
  }

  /** What the Prometheus operator makes of our ServiceMonitor, as far as it matters here. */
  async function configuration(): Promise<object> {
    const { endpoints } = serviceMonitor()['spec'] as Monitor;
    const [{ scheme, path, port, tlsConfig }] = endpoints;
    const credentials = join(folder, 'token');
    writeFileSync(credentials, tokens.scraper);
    const from = (source: string, target: string) => ({
      source_labels: [`__meta_kubernetes_${source}`],
      target_label: target,
    });
    return {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: ['rules.yaml'],
      scrape_configs: [
        {
          job_name: 'service-monitor',
          scheme,
          metrics_path: path,
          tls_config: { insecure_skip_verify: tlsConfig.insecureSkipVerify },
          authorization: { credentials_file: credentials },
          static_configs: await discovered(),
          relabel_configs: [
            {
              source_labels: ['__meta_kubernetes_endpoint_port_name'],
              regex: port,
              action: 'keep',
            },
            from('namespace', 'namespace'),
            from('service_name', 'service'),
            from('service_name', 'job'),
            from('pod_name', 'pod'),
            from('endpoint_port_name', 'endpoint'),
          ],
        },
      ],
    };
  }

  const up = async () => (await prometheus.query(`up{${job}} == 1`)).length;
  const number = async (expression: string) => {
    const [sample] = await prometheus.query(expression);
    return sample && Number(sample.value[1]);
  };

  /** A request to a pod, as anybody in the cluster could send it. */
  async function ask(token?: string) {
    const sent = request({
      host: addresses[0],
      port: metricsPort,
      path: '/metrics',
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      rejectUnauthorized: false,
      agent: false,
    });
    sent.end();
    const [response] = await once(sent, 'response');
    return { code: response.statusCode as number, text: await text(response) };
  }

  it('is found by the Service, both pods of it, and by nothing else', async () => {
    const targets = await prometheus.targets();
    expect(targets.map(({ health, lastError }) => [health, lastError])).toEqual([
      ['up', ''],
      ['up', ''],
    ]);
    expect(targets.map(({ scrapeUrl }) => scrapeUrl).sort()).toEqual(
      addresses.map((address) => `https://${address}:${metricsPort}/metrics`).sort(),
    );
    const [{ labels } = { labels: {} }] = targets;
    expect(labels).toMatchObject({
      job: metricsService().metadata.name,
      endpoint: metricsPortName,
      namespace: operatorNamespace,
    });
  });

  it('shows every metric that documents, alerts and dashboard name, and no other', async () => {
    const documents = [...documented().keys()].sort();
    const scraped = async () => {
      const samples = await prometheus.query(`count by (__name__) ({${job}})`);
      const names = samples.flatMap(({ metric }) => metricsIn(metric['__name__'] ?? ''));
      return [...new Set(names)].sort();
    };
    await cluster.until(async () => (await scraped()).length >= documents.length, 60_000);
    expect(await scraped()).toEqual(documents);
    const queried = [...rules().map(({ expr }) => expr), ...dashboardQueries()].flatMap(metricsIn);
    expect([...new Set(queried)].sort()).toEqual(documents);
  });

  it('shows them as promtool likes them', async () => {
    const { text } = await ask(tokens.scraper);
    expect(text).toContain('# TYPE ');
    expect(await promtool(['check', 'metrics'], text)).toBe('');
  });

  it('knows of the puller that it is complete, from the one that leads', async () => {
    expect(await number(`sum(leader_election_master_status{${job}})`)).toBe(1);
    const of = (metric: string) => number(`${metric}{puller_namespace="default"}`);
    expect(await of('image_puller_images_desired')).toBe(1);
    expect(await of('image_puller_nodes_desired')).toBe(1);
    expect(await of('image_puller_nodes_ready')).toBe(1);
    expect(await of('image_puller_images_failing')).toBe(0);
    expect(await of('image_puller_since_complete_seconds')).toBe(0);
    expect(await of('image_puller_pull_duration_seconds_count')).toBe(1);
  });

  it('answers what the dashboard asks', async () => {
    let unanswered = dashboardQueries().map((query) =>
      query.replaceAll('$__rate_interval', '30s').replace(/\$(namespace|puller)/g, '.*'),
    );
    expect(unanswered.length).toBeGreaterThan(20);
    // A rate takes two scrapes.
    for (let time = 0; time < 20 && unanswered.length > 0; time += 1) {
      const answers = await Promise.all(unanswered.map((query) => prometheus.query(query)));
      unanswered = unanswered.filter((_, index) => answers[index]?.length === 0);
      if (unanswered.length > 0) await delay(500);
    }
    expect(unanswered).toEqual([]);
  });

  it('is no cause for an alert', async () => {
    expect(await prometheus.query('ALERTS')).toEqual([]);
    for (const { expr } of rules()) expect(await prometheus.query(expr)).toEqual([]);
  });

  it('shows nothing to whoever has no token, or one without the right', async () => {
    for (const [token, code] of [
      [undefined, 401],
      ['made.up.token', 401],
      [tokens.stranger, 403],
    ] as const) {
      const answer = await ask(token);
      expect(answer.code).toBe(code);
      expect(answer.text).not.toContain('# TYPE');
    }
  });

  it('asks the API server once for all scrapes of a token', async () => {
    const since = cluster.auditLog.position();
    for (let scrape = 0; scrape < 50; scrape += 1) await ask(tokens.scraper);
    const reviews = (await cluster.auditLog.requests({ since, user: operatorUser })).filter(
      ({ resource }) => resource.endsWith('reviews'),
    );
    // A minute may have just been over, in either pod.
    expect(reviews.length).toBeLessThanOrEqual(4);
    const all = (await cluster.auditLog.requests({ user: operatorUser })).filter(
      ({ resource }) => resource === 'tokenreviews',
    );
    expect(all.length).toBeGreaterThan(0);
    expect(all.map(({ verb, code }) => `${verb} ${code}`)).toEqual(all.map(() => 'create 201'));
  });

  it('forgets a puller that is deleted', async () => {
    await kubectl(['delete', 'kip', 'puller']);
    const ofPuller = `count({puller_name="puller", ${job}})`;
    await cluster.until(async () => (await number(ofPuller)) === undefined);
  });
});

/** As much of discovery.k8s.io/v1 EndpointSlice as is read here. */
interface EndpointSlice {
  readonly metadata: {
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  readonly endpoints: readonly {
    readonly addresses: readonly [string];
    readonly targetRef: { readonly name: string };
  }[];
}

interface Monitor {
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly endpoints: readonly [
    {
      readonly path: string;
      readonly port: string;
      readonly scheme: string;
      readonly tlsConfig: { readonly insecureSkipVerify: boolean };
    },
  ];
}
