import type { ImageStatus } from '../../src/api/types.ts';
import type { Image } from '../cluster/real/image.ts';
import { startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { Journey } from './journey.ts';

const namespace = 'workspaces';

/** Whatever an image is made of, its content is in it: two of the same content are one to the node. */
const content = (name: string): Image => ({ files: { '/name': Buffer.from(name) } });

describe('a namespace whose pods must be restricted caches', () => {
  let journey: Journey;
  /** What the registry's tag or digest stands for, by the name of the image. */
  const digests: Record<string, string> = {};
  /** What is in the list, by name. */
  const references: Record<string, string> = {};
  /** Of the image that an index has for machines of another kind. */
  let foreign: string;

  beforeAll(async () => {
    journey = await Journey.begin();
    await journey.createNamespace(namespace, {
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
    await pushAll();
    const images = Object.entries(references).map((entry) => entry.join('='));
    const spec = { images: images.join(';'), imagePullSecrets: 'password' };
    await journey.edit(namespace, spec);
    const counts = { imagesReady: Object.keys(digests).length, imagesFailing: 1 };
    await journey.untilStatus(namespace, counts);
  }, startTimeoutMs);

  // Undefined where it did not come up.
  afterAll(() => (journey as Journey | undefined)?.end(), startTimeoutMs);

  async function pushAll(): Promise<void> {
    const { registry, busyboxImage } = journey.cluster;
    const push = async (name: string, image: Image) => {
      digests[name] = await registry.push(`${name}:1`, image);
      references[name] = journey.reference(name);
    };
    await push('scratch', content('scratch'));
    await push('root', { ...busyboxImage, seed: 'root', user: 'root' });
    await push('named', { ...content('named'), user: 'somebody' });
    await push('volume', { ...content('volume'), volumes: ['/var/lib/data'] });
    await push('by-digest', content('by-digest'));
    references['by-digest'] = registry.reference(`by-digest@${digests['by-digest']}`);
    await push('behind-a-password', content('behind-a-password'));
    const secret = await journey.cluster.openPrivateRegistry({ puller: 'open sesame' });
    references['behind-a-password'] = secret.reference('behind-a-password:1');
    await journey.apply(secret.pullSecret({ namespace, name: 'password' }, 'puller'));
    const foreignImage = { ...content('foreign'), architecture: 'arm64' };
    foreign = await registry.push('foreign:1', foreignImage);
    digests['platforms'] = await registry.pushIndex('platforms:1', [
      foreignImage,
      content('platforms'),
    ]);
    references['platforms'] = journey.reference('platforms');
    references['missing'] = journey.reference('missing');
  }

  const told = async (name: string): Promise<ImageStatus | undefined> =>
    (await journey.status(namespace)).images?.find((image) => image.name === name);

  it.each([
    ['an image FROM scratch, in which there is nothing to run', 'scratch'],
    ['an image that would run as root', 'root'],
    ['an image of a user whom no /etc/passwd names', 'named'],
    ['an image that declares volumes', 'volume'],
    ['an image by its digest', 'by-digest'],
    ['an image that the registry gives to whoever knows a password', 'behind-a-password'],
    ['an index of images', 'platforms'],
  ])('%s', async (_kind, name) => {
    expect(await journey.cluster.runtime.images()).toContain(references[name]);
    const [pod] = await journey.pods(namespace);
    const container = pod?.status.containerStatuses?.find((status) => status.name === name);
    expect(container).toMatchObject({
      imageID: expect.stringContaining(`@${digests[name]}`),
      ready: true,
      restartCount: 0,
    });
    expect(await told(name)).toMatchObject({ nodesReady: 1, digest: digests[name] });
  });

  it('of an index what the node can run, and nothing else', async () => {
    const blobs = await journey.cluster.runtime.blobs();
    expect(blobs).toContain(digests['platforms']);
    expect(blobs).not.toContain(foreign);
  });

  it('all that can be had, and says what cannot', async () => {
    expect(await told('missing')).toMatchObject({
      reference: references['missing'],
      nodesReady: 0,
      nodesFailing: 1,
      advice: expect.stringContaining('no such image (404)'),
    });
    for (const [type, status] of [
      ['Ready', 'False'],
      ['Degraded', 'True'],
    ] as const) {
      const condition = await journey.condition(namespace, type);
      expect(condition).toMatchObject({ status, reason: 'ImagesFailing' });
      expect(condition?.message).toContain(`missing (${references['missing']})`);
    }
  });
});
