import { Platform } from '../../src/controllers/platform.ts';
import { ConfigError } from '../../src/errors.ts';
import type { Client } from '../../src/kube/client.ts';
import { silentLog } from '../../src/log.ts';
import { ManualClock, until } from '../manual-clock.ts';

/** A server that answers each question with the next of these: its groups, or that it does not answer. */
function aServer(...answers: readonly (readonly string[] | Error)[]): Client {
  let asked = 0;
  const client: Pick<Client, 'groups' | 'version'> = {
    groups: async () => {
      const answer = answers[Math.min(asked, answers.length - 1)] ?? [];
      asked += 1;
      if (answer instanceof Error) throw answer;
      return new Set(answer);
    },
    version: async () => ({ major: 1, minor: 36, gitVersion: 'v1.36.3' }),
  };
  return client as Client; // a platform asks nothing else
}

const hour = 60 * 60_000;
const route = 'route.openshift.io';

describe('what the server is', () => {
  const clock = new ManualClock();
  let platform: Platform;

  afterEach(() => platform.stop());

  async function started(client: Client): Promise<Platform> {
    platform = new Platform(client, clock, silentLog);
    let isStarted = false;
    const start = platform.start().then(() => {
      isStarted = true;
    });
    while (!isStarted) await clock.advance(1000);
    await start;
    return platform;
  }

  it.each([[route], ['config.openshift.io']])(
    'is an OpenShift where it serves %s',
    async (group) => {
      expect((await started(aServer([group]))).isOpenShift).toBe(true);
    },
  );

  it('is none where it serves neither', async () => {
    expect((await started(aServer(['apps']))).isOpenShift).toBe(false);
  });

  it('is asked until there is an answer: silence is no answer', async () => {
    const client = aServer(new Error('no answer'), new Error('no answer'), [route]);
    expect((await started(client)).isOpenShift).toBe(true);
  });

  it('stays an OpenShift, whatever discovery says later', async () => {
    await started(aServer([route], [], new Error('no answer'), []));
    await clock.advance(4 * hour);
    expect(platform.isOpenShift).toBe(true);
  });

  it('may turn out to be one later', async () => {
    await started(aServer([], [route]));
    await clock.advance(hour);
    await until(() => platform.isOpenShift);
  });

  it('is refused where it is older than maxSurge', async () => {
    const old = {
      ...aServer([]),
      version: async () => ({ major: 1, minor: 24, gitVersion: 'v1.24.0' }),
    };
    platform = new Platform(old, clock, silentLog);
    await expect(platform.start()).rejects.toThrow(ConfigError);
  });
});
