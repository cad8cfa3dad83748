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

/** The images on the disk of one node. The same content is one image, whatever its repository. */
export class ImageStore {
  readonly #images = new Map<string, StoredImage>();

  /** The image that a reference names here, without asking anybody. */
  find({ canonical, digest }: ImageReference): StoredImage | undefined {
    return [...this.#images.values()].find((stored) =>
      (digest === undefined ? stored.repoTags : stored.repoDigests).includes(canonical),
    );
  }

  has(digest: string): boolean {
    return this.#images.has(digest);
  }

  /** Keeps a pulled image; its tag, if it was pulled by one, no longer names another. */
  add(reference: ImageReference, image: Image): StoredImage {
    const { host, repository, canonical, tag } = reference;
    if (tag !== undefined) this.#untag(canonical);
    const stored = this.#images.get(image.digest);
    const added: StoredImage = {
      image,
      repoDigests: sortedSet(stored?.repoDigests, `${host}/${repository}@${image.digest}`),
      repoTags:
        tag === undefined ? (stored?.repoTags ?? []) : sortedSet(stored?.repoTags, canonical),
    };
    this.#images.set(image.digest, added);
    return added;
  }

  list(): readonly StoredImage[] {
    return [...this.#images.values()];
  }

  /** Deletes every image that is not in use: the kubelet's garbage collection on a full disk. */
  collectGarbage(digestsInUse: ReadonlySet<string>): void {
    for (const digest of this.#images.keys()) {
      if (!digestsInUse.has(digest)) this.#images.delete(digest);
    }
  }

  #untag(name: string): void {
    for (const [digest, stored] of this.#images) {
      const repoTags = stored.repoTags.filter((tag) => tag !== name);
      this.#images.set(digest, { ...stored, repoTags });
    }
  }
}

function sortedSet(names: readonly string[] = [], added: string): readonly string[] {
  return [...new Set([...names, added])].sort();
}
