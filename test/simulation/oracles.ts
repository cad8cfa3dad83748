import { holdOf } from '../../src/api/findings.ts';
import { parseSpec } from '../../src/api/parse.ts';
import type { ImagePullerStatus, RawSpec } from '../../src/api/types.ts';
import { operatorConfig } from '../../src/config.ts';
import { imagePullers } from '../../src/controllers/keys.ts';
import {
  configMaps,
  controllerOf,
  daemonSets,
  deployments,
  type KubeObject,
  leases,
  pods,
  roleBindings,
  roles,
  serviceAccounts,
} from '../../src/kube/objects.ts';
import { childResources } from '../../src/manifests/children.ts';
import { leaseName } from '../../src/manifests/names.ts';
import { operatorNamespace } from '../../src/manifests/operator.ts';
import type { Call } from '../cluster/embedded/faults.ts';
import { operatorAgent } from './operator-process.ts';
import { ownWrites } from './sightings.ts';
import type { World } from './world.ts';

const config = operatorConfig({});
const kinds = [daemonSets, deployments, configMaps, serviceAccounts, roles, roleBindings];
/** More requests of one operator within a second are those of a loop: it starts with about thirty. */
const mostRequestsPerSecond = 120;
/** What is told of one run: the first violations say why, the others only that it goes on. */
const mostViolations = 10;

/**
 * Looks at a run while it goes on, and says what must never be, whatever goes wrong. The letters and
 * numbers in its words are those of the oracles in README.md.
 */
export class Oracles {
  readonly violations: string[] = [];
  /** By `Kind/name`: how often it was created and deleted. */
  readonly counts = new Map<string, string>();
  readonly #world: World;
  /** By puller: the images that its list has named ever since nodes held them. */
  readonly #due = new Map<string, readonly Place[]>();
  readonly #tooLate = new Set<string>();
  readonly #requests = new Map<string, { second: number; count: number }>();
  /** A watch may have lost what a status is made of: what it says is true later. */
  readonly #mayBeBehind: boolean;

  constructor(world: World, { mayBeBehind = false } = {}) {
    this.#world = world;
    this.#mayBeBehind = mayBeBehind;
    const { controlPlane, faults } = world.cluster;
    controlPlane.onChange(imagePullers, ({ type, object }) => this.#pullerChanged(type, object));
    controlPlane.onChange(pods, () => this.#checkHeld());
    for (const resource of childResources) {
      controlPlane.onChange(resource, ({ type, object }) => this.#count(type, object));
    }
    faults.add({
      match: { userAgent: operatorAgent, when: (call) => this.#see(call) },
      at: 'before',
      do: 'silence',
    });
  }

  say(violation: string): void {
    const at = (this.#world.scheduler.elapsed / 1000).toFixed(3);
    if (this.violations.length < mostViolations) this.violations.push(`${violation} (at ${at} s)`);
    this.#world.trace.add('oracle', violation);
  }

  /** What must be once everything is quiet; every workload ends with what can be had. */
  checkEnd(): void {
    for (const puller of this.#world.list(imagePullers)) this.#checkStatus(puller);
    for (const operator of this.#world.allOperators) {
      for (const error of operator.errors) {
        this.say(`O6: ${operator.name} has logged "${error}"`);
      }
    }
  }

  #see(call: Call): boolean {
    this.#checkRate(call);
    if (ownWrites.when?.(call) && call.request.method !== 'GET') this.#checkWrite(call);
    return false;
  }

  /** O5: nobody asks without end. */
  #checkRate({ request }: Call): void {
    const agent = request.headers['user-agent'] ?? '';
    const second = Math.floor(this.#world.scheduler.elapsed / 1000);
    const before = this.#requests.get(agent);
    const count = before?.second === second ? before.count + 1 : 1;
    this.#requests.set(agent, { second, count });
    if (count === mostRequestsPerSecond)
      this.say(`O5: ${agent} sends ${count} requests in a second`);
  }

  /** O4: a write names the very object, and that one is ours. */
  #checkWrite({ request, target }: Call): void {
    if (!target.isResource) return;
    const { plural, name, subresource, namespace } = target;
    const what = `${request.method} ${plural}/${name}${subresource && `/${subresource}`}`;
    const body = JSON.parse(request.body) as Body;
    if (plural === imagePullers.plural) {
      if (subresource !== 'status' || !body.metadata?.uid) this.say(`O4: ${what} of a puller`);
      return;
    }
    const resource = kinds.find((kind) => kind.plural === plural);
    if (resource === undefined) {
      this.say(`O4: ${what} is no business of ours`);
      return;
    }
    const live = this.#world.cluster.controlPlane.get(resource, namespace, name);
    const uid = body.metadata?.uid ?? body.preconditions?.uid;
    if (uid === undefined && body.metadata?.resourceVersion !== '1') {
      this.say(`O4: ${what} names no object`);
    } else if (uid !== undefined && uid === live?.metadata.uid) this.#checkOwner(what, live, body);
  }

  #checkOwner(what: string, live: KubeObject, body: Body): void {
    const owner = controllerOf(live);
    const wanted = body.metadata?.ownerReferences?.find(({ controller }) => controller)?.uid;
    if (owner?.kind !== imagePullers.kind || (wanted !== undefined && wanted !== owner.uid)) {
      this.say(`O4: ${what}, which belongs to ${owner?.kind ?? 'nobody'} ${owner?.name ?? ''}`);
    }
  }

  /**
   * O2. What was made for a puller that was deleted a moment before is not counted: the operator could
   * not know yet, and the garbage collector takes it.
   */
  #count(type: string, object: KubeObject): void {
    if (type === 'MODIFIED') return;
    const { kind, metadata } = object;
    const { uid = '' } = metadata;
    if (type === 'ADDED' && !this.#hasOwner(object)) this.#tooLate.add(uid);
    if (this.#tooLate.has(uid)) return;
    const key = `${kind}/${metadata.name}`;
    const short = type === 'ADDED' ? '+' : '-';
    this.counts.set(key, `${this.counts.get(key) ?? ''}${short}`);
  }

  #hasOwner(object: KubeObject): boolean {
    const owner = controllerOf(object);
    const isThere = this.#world
      .list(imagePullers)
      .some(({ metadata }) => metadata.uid === owner?.uid);
    return owner?.kind !== imagePullers.kind || isThere;
  }

  #pullerChanged(type: string, puller: KubeObject): void {
    const name = puller.metadata.name ?? '';
    if (type === 'DELETED') {
      this.#due.delete(name);
      return;
    }
    const listed = listOf(puller);
    // A spec that is held changes nothing.
    if (listed === undefined) return;
    // Where an image cannot be had pods are not Ready, and Kubernetes replaces them before their successors
    // are (docs/rolls.md): nothing is due until the next list is complete.
    const isHad = !listed.some((image) => image.startsWith('registry.invalid/'));
    const due = (this.#due.get(name) ?? []).filter(({ image }) => isHad && listed.includes(image));
    this.#due.set(name, due);
    if (!saysReady(puller)) return;
    // O7: what a status says of its own generation is so.
    const [missing] = this.#missing(listed);
    if (missing === undefined) this.#due.set(name, this.#places(listed));
    else if (!this.#mayBeBehind) this.say(`O7: ${name} is said to be Ready, and lacks ${missing}`);
  }

  /** O11: no node loses an image that stays in the list. One that goes out of order is not counted. */
  #checkHeld(): void {
    const sound = new Set(this.#world.soundNodes);
    for (const [name, places] of this.#due) {
      const due = places.filter(({ node }) => sound.has(node));
      const lost = due.find((place) => !this.#holds(place));
      this.#due.set(name, lost === undefined ? due : []);
      if (lost !== undefined) this.say(`O11: ${name} has lost ${lost.image} on ${lost.node}`);
    }
  }

  /** `<image> on <node>` for each that does not run there. */
  #missing(images: readonly string[]): readonly string[] {
    return this.#places(images)
      .filter((place) => !this.#holds(place))
      .map(({ image, node }) => `${image} on ${node}`);
  }

  #places(images: readonly string[]): readonly Place[] {
    return this.#world.soundNodes.flatMap((node) => images.map((image) => ({ image, node })));
  }

  #holds({ image, node }: Place): boolean {
    return this.#world.cluster.workloads.runningOn(node).includes(image);
  }

  /** O7 */
  #checkStatus(puller: KubeObject): void {
    const { name, generation } = puller.metadata;
    const { observedGeneration, conditions = [] } = statusOf(puller);
    const generations = [observedGeneration, ...conditions.map((each) => each.observedGeneration)];
    if (conditions.length === 0 || generations.some((each) => each !== generation)) {
      this.say(`O7: ${name} has generation ${generation}, its status speaks of ${generations}`);
    }
    for (const { type, status, reason, message } of conditions) {
      const wanted = { Ready: 'True', Progressing: 'False', Degraded: 'False' }[type] ?? status;
      if (status === wanted) continue;
      this.say(`O7: ${name} has ${type} ${status} in the end: ${reason} ${message}`);
    }
    const [missing] = this.#missing(listOf(puller) ?? []);
    if (saysReady(puller) && missing !== undefined) {
      this.say(`O7: ${name} is Ready without ${missing}`);
    }
  }

  /** O12: who writes holds the lease. */
  watchLease(): void {
    this.#world.onSend((caller, { path, method }) => {
      if (method === 'GET' || /\/(leases|events)|dryRun=/.test(path)) return;
      const lease = this.#world.cluster.controlPlane.get(leases, operatorNamespace, leaseName);
      const holder = (lease?.['spec'] as { holderIdentity?: string } | undefined)?.holderIdentity;
      if (holder !== caller) this.say(`O12: ${caller} writes, and ${holder} holds the lease`);
    });
  }
}

/** Where an image is to be. */
interface Place {
  readonly image: string;
  readonly node: string;
}

interface Body {
  readonly metadata?: KubeObject['metadata'];
  readonly preconditions?: { readonly uid?: string };
}

function statusOf(puller: KubeObject): ImagePullerStatus {
  return (puller['status'] ?? {}) as ImagePullerStatus;
}

/** The references that every node is to hold; undefined where the spec is held. */
function listOf(puller: KubeObject): readonly string[] | undefined {
  const { spec, findings } = parseSpec((puller['spec'] ?? {}) as RawSpec, config);
  if (holdOf(findings)) return undefined;
  const selectsNone = Object.keys(spec.nodeSelector).some((label) => label !== 'kubernetes.io/os');
  return selectsNone ? [] : spec.images.map(({ reference }) => reference);
}

function saysReady(puller: KubeObject): boolean {
  const ready = statusOf(puller).conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' && ready.observedGeneration === puller.metadata.generation;
}

/**
 * How the creations and deletions of two runs differ (O2). An operator that sees the past makes what was
 * wanted then: that is explained as long as it goes again, and nothing that is wanted goes with it.
 */
export function countsDiffer(
  wanted: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
  { seesPast }: { readonly seesPast: boolean },
): readonly string[] {
  const isExplained = (key: string) =>
    seesPast && !wanted.get(key)?.endsWith('+') && found.get(key)?.endsWith('-') === true;
  return [...new Set([...wanted.keys(), ...found.keys()])]
    .filter((key) => wanted.get(key) !== found.get(key) && !isExplained(key))
    .map((key) => `O2: ${key} was ${found.get(key) ?? 'left alone'} instead of ${wanted.get(key)}`);
}
