import { containerEvent, Lives } from './lives.ts';

const reference = '10.87.0.1:5000/a:1';

describe('an event of the runtime', () => {
  it.each([
    [
      '2026-11-21 21:37:44.69852889 +0000 UTC k8s.io /containers/create {"id":"d2","image":"10.87.0.1:5000/a:1","runtime":{}}',
      { kind: 'made', container: 'd2', image: reference },
    ],
    [
      '2026-11-21 21:37:44.829 +0000 UTC k8s.io /tasks/start {"container_id":"d2","pid":19386}',
      { kind: 'started', container: 'd2', atMs: Date.UTC(2026, 10, 21, 21, 37, 44, 829) },
    ],
    [
      '2026-11-21 21:37:45 +0000 UTC k8s.io /tasks/exit {"container_id":"d2","id":"d2","pid":1}',
      { kind: 'ended', container: 'd2', atMs: Date.UTC(2026, 10, 21, 21, 37, 45) },
    ],
  ])('tells of a container: %s', (line, event) => {
    expect(containerEvent(line)).toEqual(event);
  });

  it.each([
    '2026-11-21 21:37:45 +0000 UTC k8s.io /tasks/exit {"container_id":"d2","id":"probe","pid":1}',
    '2026-11-21 21:37:45 +0000 UTC k8s.io /images/create {"name":"10.87.0.1:5000/a:1"}',
    '2026-11-21 21:37:45 +0000 UTC other /tasks/start {"container_id":"d2","pid":1}',
    'time="2026-11-21T21:37:19Z" level=warning msg="DEPRECATION"',
  ])('may be of something else: %s', (line) => {
    expect(containerEvent(line)).toBeUndefined();
  });
});

describe('an image', () => {
  /** Of containers of the image that ran from then to then. */
  function livesOf(...times: readonly (readonly [number, number?])[]): Lives {
    const lives = new Lives();
    for (const [index, [from, until]] of times.entries()) {
      const container = `container-${index}`;
      lives.tell({ kind: 'made', container, image: reference });
      lives.tell({ kind: 'started', container, atMs: from });
      if (until !== undefined) lives.tell({ kind: 'ended', container, atMs: until });
    }
    return lives;
  }
  const gapsIn = (lives: Lives) =>
    lives.gaps({ reference, from: 100, until: 200 }).map(({ from, lastedMs }) => [from, lastedMs]);

  it('is held by containers that overlap, of which one need not have ended', () => {
    expect(gapsIn(livesOf([140, 170], [90, 150], [100, 110], [165]))).toEqual([]);
  });

  it('is held by a container that ran before anything was told', () => {
    const lives = new Lives();
    lives.found('before', reference);
    expect(gapsIn(lives)).toEqual([]);
    lives.tell({ kind: 'ended', container: 'before', atMs: 180 });
    expect(gapsIn(lives)).toEqual([[180, 20]]);
  });

  it('has a gap of a millisecond', () => {
    expect(gapsIn(livesOf([90, 150], [151]))).toEqual([[150, 1]]);
  });

  it('has gaps before the first container and after the last one, within the time that counts', () => {
    expect(gapsIn(livesOf([50, 60], [120, 180], [250]))).toEqual([
      [100, 20],
      [180, 20],
    ]);
  });

  it('is not held by a container that never came to run, nor by one of another image', () => {
    const lives = livesOf();
    lives.tell({ kind: 'made', container: 'stillborn', image: reference });
    lives.tell({ kind: 'ended', container: 'stillborn', atMs: 150 });
    lives.found('other', '10.87.0.1:5000/b:1');
    expect(gapsIn(lives)).toEqual([[100, 100]]);
  });

  it('has the containers that run now', () => {
    const lives = livesOf([1], [1, 2], [3]);
    expect(lives.running(new Set([reference]))).toEqual(['container-0', 'container-2']);
    expect(lives.running(new Set())).toEqual([]);
  });
});
