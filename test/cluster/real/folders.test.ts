import { foldersIn, tooDeep } from './folders.ts';

describe('the folders of a cluster', () => {
  const ofLength = (length: number) => foldersIn(`/${'x'.repeat(length - 1)}`);

  it('are refused where the path of a socket would have more than 107 characters', () => {
    expect(tooDeep(ofLength(69))).toBeUndefined();
    expect(tooDeep(ofLength(70))).toContain("has 70 characters, and kubelet's sockets allow 69");
  });
});
