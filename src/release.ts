/** The version of this program; the same as in package.json, which a test holds. */
export const version = '2.0.0';

/** The image of this release: operator and puller. */
export const operatorImage = `quay.io/eclipse/kubernetes-image-puller-operator:${version}`;

/**
 * The source of the static `sleep` that cache containers run. It has a version of its own, so that
 * an upgrade of the operator rolls no cache.
 */
export const sleeperImage = 'quay.io/eclipse/kubernetes-image-puller-sleeper:1.0.0';
