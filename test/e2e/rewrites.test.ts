import { startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { HolderWatch, toldGap } from './holders.ts';
import { Journey } from './journey.ts';

/** Of a test; the machine may be slow. */
const timeoutMs = 300_000;

/** Each kind with the place of its pod spec, in the words of a policy's expressions. */
const kinds = [
  { what: 'pods', group: '', place: ['spec'] },
  { what: 'daemonsets', group: 'apps', place: ['spec', 'template', 'spec'] },
] as const;

type Kind = (typeof kinds)[number];

describe('a cluster that writes the references of a mirror', () => {
  let journey: Journey;

  beforeAll(async () => {
    journey = await Journey.begin();
    await journey.push('a', 'b', 'mirror/a', 'mirror/b');
  }, startTimeoutMs);

  // Undefined where it did not come up.
  afterAll(() => (journey as Journey | undefined)?.end(), startTimeoutMs);

  /** Waits until the policy is in force, which the API server does not tell. */
  async function mirror(kind: Kind): Promise<void> {
    for (const object of policy(kind, journey.reference(''))) await journey.apply(object);
    const create = ['-n', `mirror-${kind.what}`, 'create', '-f', '-', '--dry-run=server'];
    await journey.cluster.until(async () => {
      const probe = JSON.stringify(aProbe(kind, journey.reference('a')));
      const made = await journey.cluster.kubectl([...create, '-o', 'json'], probe);
      return made.includes(journey.reference('mirror/a'));
    }, timeoutMs);
  }

  it.each(kinds)(
    'into $what is told what it holds, and loses none of it by a new daemonsetName',
    async (kind) => {
      const namespace = `mirror-${kind.what}`;
      await journey.createNamespace(namespace, { mirror: kind.what });
      await mirror(kind);
      const spec = { images: journey.images('a', 'b') };
      await journey.edit(namespace, spec);
      await journey.untilReady(namespace, timeoutMs);
      const { images = [] } = await journey.status(namespace);
      const rows = images.map(({ reference, nodesReady }) => [reference, nodesReady]);
      expect(rows).toEqual([
        [journey.reference('a'), 1],
        [journey.reference('b'), 1],
      ]);

      const watch = new HolderWatch(journey.cluster.runtime);
      watch.await(journey.reference('mirror/a'));
      watch.await(journey.reference('mirror/b'));
      await watch.during(async () => {
        await journey.edit(namespace, { ...spec, daemonsetName: 'renamed' });
        const path = `/apis/apps/v1/namespaces/${namespace}/daemonsets`;
        await journey.cluster.until(async () => {
          const { items } = (await journey.cluster.api.get(path)) as DaemonSetList;
          return items.map(({ metadata }) => metadata.name).join() === 'renamed';
        }, timeoutMs);
      });
      expect(watch.gaps.map(toldGap)).toEqual([]);
      await journey.untilReady(namespace, timeoutMs);
    },
    2 * timeoutMs,
  );
});

interface DaemonSetList {
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
}

/** A policy for one kind, in namespaces with its label, and what puts it in force. */
function policy({ what, group, place }: Kind, registry: string): readonly object[] {
  const host = registry.slice(0, registry.indexOf('/') + 1);
  const type = ['Object', ...place];
  const image = `c.image.contains("/mirror/") ? c.image : c.image.replace("${host}", "${host}mirror/")`;
  const containers = `object.${place.join('.')}.containers.map(c, ${type.join('.')}.containers{name: c.name, image: ${image}})`;
  const expression = place.reduceRight(
    (inner, field, at) => `${type.slice(0, at + 1).join('.')}{${field}: ${inner}}`,
    `${type.join('.')}{containers: ${containers}}`,
  );
  const metadata = { name: `mirror-${what}` };
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const operations = ['CREATE', 'UPDATE'];
  return [
    {
      apiVersion,
      kind: 'MutatingAdmissionPolicy',
      metadata,
      spec: {
        matchConstraints: {
          namespaceSelector: { matchLabels: { mirror: what } },
          resourceRules: [
            { apiGroups: [group], apiVersions: ['v1'], operations, resources: [what] },
          ],
        },
        matchConditions: [
          {
            name: 'of-a-cache',
            expression: `object.${place.join('.')}.containers.all(c, c.image.startsWith("${host}"))`,
          },
        ],
        failurePolicy: 'Fail',
        reinvocationPolicy: 'Never',
        mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }],
      },
    },
    {
      apiVersion,
      kind: 'MutatingAdmissionPolicyBinding',
      metadata,
      spec: { policyName: `mirror-${what}` },
    },
  ];
}

/** Something that the policy would change. */
function aProbe({ what }: Kind, image: string): object {
  const labels = { app: 'probe' };
  const spec = { containers: [{ name: 'probe', image }] };
  return what === 'pods'
    ? { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'probe' }, spec }
    : {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { name: 'probe' },
        spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
      };
}
