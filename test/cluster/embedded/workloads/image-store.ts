import type { ImageReference } from './image-reference.ts';
import type { Image } from './registry.ts';

/** An image on a node, under every name it was pulled by. */
export interface StoredImage {
  readonly image: Image;
  /** `repository@digest`, sorted. */
  readonly repoDigests: readonly string[];
  /** `repository:tag`, sorted; a tag names one image only, the one it was last pulled as. */
  readonly repoTags: readonly string[];
}

/**
 * What makes an image the same one to a node: its configuration, whatever the repositories and the
 * manifests or indexes that lead to it (containerd/containerd: internal/cri/store/image/image.go).
 */
export function imageId({ id, digest }: Image): string {
  return id ?? digest;
}

/** The images on the disk of one node, each of them once. */
export class ImageStore {
  /** By id. */
  readonly #images = new Map<string, StoredImage>();

  /** The image that a reference names here, without asking anybody. */
  find({ canonical, digest }: ImageReference): StoredImage | undefined {
    return [...this.#images.values()].find((stored) =>
      (digest === undefined ? stored.repoTags : stored.repoDigests).includes(canonical),
    );
  }

  has(image: Image): boolean {
    return this.#images.has(imageId(image));
  }

  /** Keeps a pulled image; its tag, if it was pulled by one, no longer names another. */
  add(reference: ImageReference, image: Image): StoredImage {
    const { host, repository, canonical, tag } = reference;
    if (tag !== undefined) this.#untag(canonical);
    const stored = this.#images.get(imageId(image));
    const added: StoredImage = {
      image,
      repoDigests: sortedSet(stored?.repoDigests, `${host}/${repository}@${image.digest}`),
      repoTags:
        tag === undefined ? (stored?.repoTags ?? []) : sortedSet(stored?.repoTags, canonical),
    };
    this.#images.set(imageId(image), added);
    return added;
  }

  list(): readonly StoredImage[] {
    return [...this.#images.values()];
  }

  /** Deletes every image that is not in use: the kubelet's garbage collection on a full disk. */
  collectGarbage(idsInUse: ReadonlySet<string>): void {
    for (const id of this.#images.keys()) {
      if (!idsInUse.has(id)) this.#images.delete(id);
    }
  }

  #untag(name: string): void {
    for (const [id, stored] of this.#images) {
      const repoTags = stored.repoTags.filter((tag) => tag !== name);
      this.#images.set(id, { ...stored, repoTags });
    }
  }
}

function sortedSet(names: readonly string[] = [], added: string): readonly string[] {
  return [...new Set([...names, added])].sort();
}
