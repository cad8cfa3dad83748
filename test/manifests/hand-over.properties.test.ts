import type { CachedImage } from '../../src/api/types.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { daemonSet } from '../../src/manifests/daemon-set.ts';
import { handOver, type NodeHoldings, successorDeadlineMs } from '../../src/manifests/hand-over.ts';
import { type Part, partsOf } from '../../src/manifests/shards.ts';
import { fc } from '../properties.ts';
import { anInput } from './inputs.ts';

const nodes = ['n1', 'n2', 'n3'] as const;
const pool: readonly CachedImage[] = Array.from({ length: 120 }, (_, number) => ({
  container: `i${number}`,
  reference: `quay.io/example/${number}:1`,
  names: [`i${number}`],
})).sort((a, b) => (a.reference < b.reference ? -1 : 1));
const input = anInput();

/** What a DaemonSet has on one node: the pod that stays, and the one that is to follow it. */
interface Place {
  kept: readonly string[];
  coming: readonly string[];
}

interface Stored {
  readonly uid: string;
  body: KubeObject;
  template: readonly string[];
  isObserved: boolean;
  readonly places: Map<string, Place>;
}

/**
 * A cluster in the small: DaemonSets roll as Kubernetes rolls them, a node at a time and in any order.
 * An edit in the middle of a roll loses the pod that is not ready yet, never the one that is.
 */
class Model {
  spec: { readonly daemonsetName: string; readonly images: readonly CachedImage[] };
  seesPods = true;
  readonly stored = new Map<string, Stored>();
  readonly lost = new Set<string>();
  /** References that cannot be pulled. */
  readonly broken = new Set<string>();
  /** Nodes that answer and on which nothing comes further. */
  readonly slow = new Set<string>();
  now = 0;
  /** When the operator last saw another name than before. */
  renamedAt = 0;
  #nameSeen = '';
  /** What nodes lost by a write that no edit asked for. */
  readonly gaps: string[] = [];
  #uid = 0;

  constructor() {
    this.spec = { daemonsetName: 'cache', images: [] };
  }

  /** One run of the operator. Where it follows no edit, it takes nothing from anybody. */
  reconcile(): void {
    // Of an image that left the list and came back, nothing is promised.
    const before = nodes.map((node) => this.#held(node, ({ template }) => new Set(template)));
    const isEdit = this.#reconcile();
    if (isEdit) return;
    const listed = new Set(this.spec.images.map(({ reference }) => reference));
    for (const [at, node] of nodes.entries()) {
      const held = this.#held(node, () => undefined);
      const gone = [...(before[at] ?? [])].filter((each) => listed.has(each) && !held.has(each));
      if (!this.lost.has(node)) this.gaps.push(...gone.map((each) => `${each} on ${node}`));
    }
  }

  /** Claims that a DaemonSet got something new, or had to let go of what left the list. */
  #reconcile(): boolean {
    let isEdit = false;
    if (this.spec.daemonsetName !== this.#nameSeen) this.renamedAt = this.now;
    this.#nameSeen = this.spec.daemonsetName;
    const { parts, released } = handOver({
      spec: this.spec,
      present: [...this.stored.values()].map((each) => ({
        object: each.body,
        rollout: { observed: each.isObserved, complete: this.#isComplete(each) },
      })),
      nodes: () => (this.seesPods ? nodes.map((node) => this.#holdings(node)) : undefined),
      now: this.now,
    });
    for (const part of parts) {
      const template = part.images.map(({ reference }) => reference);
      const stored = this.stored.get(part.name);
      const uid = stored?.uid ?? `u${++this.#uid}`;
      const body = bodyOf(part, uid);
      if (stored?.template.join() === template.join()) {
        stored.body = body;
        continue;
      }
      const listed = new Set(this.spec.images.map(({ reference }) => reference));
      if (stored?.template.some((each) => !listed.has(each))) isEdit = true;
      if (stored && template.some((each) => !stored.template.includes(each))) isEdit = true;
      const places = stored?.places ?? new Map(nodes.map((node) => [node, empty()]));
      for (const place of places.values()) place.coming = [];
      this.stored.set(part.name, { uid, body, template, isObserved: false, places });
    }
    for (const { metadata } of released) this.stored.delete(metadata.name ?? '');
    return isEdit;
  }

  /** A container starts on a node, or the last one has: then the new pod takes the place of the old. */
  advance(name: string, node: string, count: number): void {
    const stored = this.stored.get(name);
    const place = stored?.places.get(node);
    if (!stored || !place) return;
    stored.isObserved = true;
    if (this.lost.has(node) || this.slow.has(node)) return;
    const startable = stored.template.filter((each) => !this.broken.has(each));
    const missing = startable.filter((each) => !place.coming.includes(each));
    place.coming = [...place.coming, ...missing.slice(0, count)];
    if (place.coming.length === stored.template.length) {
      place.kept = place.coming;
      place.coming = [];
    }
  }

  /** What the node has in pods that stay. */
  kept(node: string): ReadonlySet<string> {
    return new Set([...this.stored.values()].flatMap(({ places }) => places.get(node)?.kept ?? []));
  }

  /** That of it which is not about to go: of an image that left the list and came back, nothing is promised. */
  safe(node: string): ReadonlySet<string> {
    const safe = [...this.stored.values()].flatMap(({ places, template }) =>
      (places.get(node)?.kept ?? []).filter((reference) => template.includes(reference)),
    );
    const listed = new Set(this.spec.images.map(({ reference }) => reference));
    return new Set(safe.filter((reference) => listed.has(reference)));
  }

  /** What the node has in any pod, but for what is not among these where they are given. */
  #held(
    node: string,
    among: (stored: Stored) => ReadonlySet<string> | undefined,
  ): ReadonlySet<string> {
    const held = [...this.stored.values()].flatMap((stored) => {
      const { kept, coming } = stored.places.get(node) ?? empty();
      const references = among(stored);
      return [...kept, ...coming].filter((each) => references?.has(each) ?? true);
    });
    return new Set(held);
  }

  #isComplete({ isObserved, template, places }: Stored): boolean {
    return isObserved && [...places.values()].every(({ kept }) => kept.join() === template.join());
  }

  #holdings(node: string): NodeHoldings {
    const byDaemonSet = [...this.stored.values()].map(({ uid, places, template }) => {
      const { kept, coming } = places.get(node) ?? empty();
      const startable = template.filter((each) => !this.broken.has(each));
      const isStuck = startable.length < template.length && coming.length === startable.length;
      const keptSet = new Set([...kept, ...(isStuck ? coming : [])]);
      const firm = new Set(kept);
      return [uid, { held: new Set([...kept, ...coming]), firm, kept: keptSet }] as const;
    });
    return { isReachable: !this.lost.has(node), byDaemonSet: new Map(byDaemonSet) };
  }
}

function bodyOf(part: Part, uid: string): KubeObject {
  const body = daemonSet(input, part);
  return { ...body, metadata: { ...body.metadata, uid } };
}

const empty = (): Place => ({ kept: [], coming: [] });

/** Told by name where a walk fails. */
class Step {
  readonly #name: string;
  readonly take: (model: Model) => void;

  constructor(name: string, take: (model: Model) => void) {
    this.#name = name;
    this.take = take;
  }

  toString(): string {
    return this.#name;
  }
}

const list = fc
  .uniqueArray(fc.integer({ min: 0, max: pool.length - 1 }), { maxLength: 100, size: 'max' })
  .map((numbers) => pool.filter((_, number) => numbers.includes(number)));
/** Edits that hover around the bounds of splits as well as any other. */
const edit = fc
  .oneof(
    list,
    fc.constantFrom(39, 40, 41, 42, 80, 81).map((count) => pool.slice(0, count)),
  )
  .map(
    (images) =>
      new Step(`list ${images.length}`, (model) => {
        model.spec = { ...model.spec, images };
      }),
  );
const rename = fc.constantFrom('cache', 'other', 'cache-s1').map(
  (daemonsetName) =>
    new Step(`name ${daemonsetName}`, (model) => {
      model.spec = { ...model.spec, daemonsetName };
    }),
);
const reconcile = fc.constant(new Step('reconcile', (model) => model.reconcile()));
const advance = fc.tuple(fc.constantFrom(...nodes), fc.nat(30), fc.constantFrom(1, 5, 50)).map(
  ([node, which, count]) =>
    new Step(`advance ${which} ${node} ${count}`, (model) => {
      const names = [...model.stored.keys()];
      model.advance(names[which % Math.max(1, names.length)] ?? '', node, count);
    }),
);
const steps = [
  { arbitrary: edit, weight: 2 },
  { arbitrary: rename, weight: 1 },
  { arbitrary: reconcile, weight: 4 },
  { arbitrary: advance, weight: 12 },
];
const lengths = { minLength: 20, maxLength: 120, size: 'max' } as const;
const walk = fc.array(fc.oneof(...steps), lengths);

const wait = fc.constantFrom(1, 10, 29).map(
  (minutes) =>
    new Step(`wait ${minutes} min`, (model) => {
      model.now += minutes * 60_000;
    }),
);
const slowness = fc.boolean().map(
  (isSlow) =>
    new Step(`n3 is ${isSlow ? 'slow' : 'fast'}`, (model) => {
      if (isSlow) model.slow.add('n3');
      else model.slow.delete('n3');
    }),
);
/** The same in time, of which some nodes need more than others. */
const slowWalk = fc.array(
  fc.oneof(
    ...steps,
    { arbitrary: rename, weight: 2 },
    { arbitrary: wait, weight: 3 },
    { arbitrary: slowness, weight: 2 },
  ),
  lengths,
);

/**
 * Takes the steps and claims after each that no node has lost what was safe there and stays listed. Half an hour
 * after the last change of name a former name waits no longer.
 */
function run(model: Model, steps: readonly Step[]): void {
  const safe = new Map(nodes.map((node) => [node, model.safe(node)]));
  for (const { take } of steps) {
    take(model);
    const listed = new Set(model.spec.images.map(({ reference }) => reference));
    for (const node of nodes.filter((each) => !model.lost.has(each))) {
      const kept = model.kept(node);
      if (model.now >= model.renamedAt + successorDeadlineMs) safe.set(node, model.safe(node));
      const due = [...(safe.get(node) ?? [])].filter((each) => listed.has(each));
      const lost = due.filter((each) => !kept.has(each));
      // As `expect` makes an error for each of hundreds of thousands of claims before it looks at it.
      if (lost.length > 0) throw new Error(`${node} has lost ${lost.join()}`);
      safe.set(node, new Set([...due, ...model.safe(node)]));
    }
  }
}

/** Lets the operator and the nodes work until nothing is left to do. */
function finish(model: Model): void {
  for (let round = 0; round < 16; round += 1) {
    model.reconcile();
    for (const name of model.stored.keys())
      for (const node of nodes) model.advance(name, node, 200);
  }
}

const templates = (model: Model) =>
  Object.fromEntries([...model.stored].map(([name, { template }]) => [name, template]));
const wanted = ({ spec }: Model) =>
  Object.fromEntries(
    partsOf(spec).map(({ name, images }) => [name, images.map(({ reference }) => reference)]),
  );

describe('whatever the edits and however far each roll-out is', () => {
  it('no node loses an image that stays, and in the end each part holds its own', () => {
    fc.assert(
      fc.property(walk, (steps) => {
        const model = new Model();
        run(model, steps);
        finish(model);
        expect(templates(model)).toEqual(wanted(model));
        expect(model.gaps).toEqual([]);
      }),
    );
  });

  it('the same holds where pods cannot be read', () => {
    fc.assert(
      fc.property(walk, (steps) => {
        const model = new Model();
        model.seesPods = false;
        run(model, steps);
        finish(model);
        expect(templates(model)).toEqual(wanted(model));
        expect(model.gaps).toEqual([]);
      }),
    );
  });

  it('the same holds for all other nodes while one cannot be reached', () => {
    fc.assert(
      fc.property(walk, (steps) => {
        const model = new Model();
        model.lost.add('n3');
        run(model, steps);
        finish(model);
        expect(templates(model)).toEqual(wanted(model));
        expect(model.gaps).toEqual([]);
      }),
    );
  });

  it('a former name waits half an hour for nodes that take long, however often names change', () => {
    fc.assert(
      fc.property(slowWalk, (steps) => {
        const model = new Model();
        run(model, steps);
        model.slow.clear();
        finish(model);
        expect(templates(model)).toEqual(wanted(model));
      }),
    );
  });

  it('images that cannot be had hold nothing up', () => {
    fc.assert(
      fc.property(walk, fc.nat(pool.length - 1), (steps, number) => {
        const model = new Model();
        model.broken.add(pool[number]?.reference ?? '');
        for (const { take } of steps) take(model);
        finish(model);
        expect(templates(model)).toEqual(wanted(model));
        expect(model.gaps).toEqual([]);
      }),
    );
  });
});
