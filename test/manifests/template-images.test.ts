import type { KubeObject } from '../../src/kube/objects.ts';
import { imagesAnnotation } from '../../src/manifests/names.ts';
import { imagesText, templateContainers } from '../../src/manifests/template-images.ts';

const digest = `quay.io/example/x@sha256:${'a'.repeat(64)}`;
const given = [
  { container: 'my-image', reference: 'registry.example:5000/x:1', names: ['my_Image'] },
  { container: 'pinned', reference: digest, names: ['pinned'] },
];

function aDaemonSet(containers: readonly object[], annotation?: string): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: {
      name: 'cache',
      ...(annotation !== undefined && { annotations: { [imagesAnnotation]: annotation } }),
    },
    spec: { template: { spec: { containers } } },
  };
}

describe('the images of a template', () => {
  const written = [
    { name: 'my-image', image: 'mirror.example/x:1', command: ['/kip/sleep'] },
    { name: 'pinned', image: 'mirror.example/x:2' },
    { name: 'proxy', image: 'mesh.example/proxy:1' },
  ];

  it('are written as a list is', () => {
    expect(imagesText(given)).toBe(`my-image=registry.example:5000/x:1;pinned=${digest}`);
  });

  it('are those that it was given, whatever a cluster has made of them', () => {
    expect(templateContainers(aDaemonSet(written, imagesText(given)))).toEqual([
      { name: 'my-image', image: 'registry.example:5000/x:1', command: ['/kip/sleep'] },
      { name: 'pinned', image: digest },
      written[2],
    ]);
  });

  it('are as the template has them where nothing says more', () => {
    expect(templateContainers(aDaemonSet(written))).toEqual(written);
    expect(templateContainers(aDaemonSet(written, ''))).toEqual(written);
    expect(templateContainers(aDaemonSet(written, 'nonsense'))).toEqual(written);
  });
});
