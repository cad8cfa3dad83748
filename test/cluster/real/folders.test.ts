import { clusterFolders, foldersIn, tooDeep } from './folders.ts';

describe('the folders of a cluster', () => {
  const ofLength = (length: number) => foldersIn(`/${'x'.repeat(length - 1)}`);

  it('lie in the cache, unless that lies too deep for sockets', () => {
    expect(clusterFolders('e2e', { XDG_CACHE_HOME: '/home/ci/.cache' }).root).toBe(
      '/home/ci/.cache/kubernetes-image-puller-operator/clusters/e2e',
    );
    const deep = { XDG_CACHE_HOME: `/${'x'.repeat(60)}` };
    expect(clusterFolders('e2e', deep).root).toBe('/var/tmp/kip-clusters/e2e');
  });

  it('are refused where the path of a socket would have more than 107 characters', () => {
    expect(tooDeep(ofLength(69))).toBeUndefined();
    expect(tooDeep(ofLength(70))).toContain("has 70 characters, and kubelet's sockets allow 69");
  });
});
