import { ApiError, type ListOptions } from '../../src/kube/client.ts';
import { listAll } from '../../src/kube/list-all.ts';
import { type KubeList, type KubeObject, pods } from '../../src/kube/objects.ts';

function aPod(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { of: name } };
}

/** Answers each request by the next of these, and takes down what was asked. */
function scripted(...answers: readonly (KubeList | Error)[]) {
  const asked: ListOptions[] = [];
  const client = {
    async list(_resource: object, options: ListOptions): Promise<KubeList> {
      const answer = answers[asked.length] ?? new Error('nothing more is scripted');
      asked.push(options);
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  return { client, asked };
}

const first = { resourceVersion: '1', continue: 'more', items: [aPod('a'), aPod('b')] };
const last = { resourceVersion: '1', items: [aPod('c')] };
const gone = new ApiError('list pods', 410, { reason: 'Expired' });

async function names(client: Parameters<typeof listAll>[0]): Promise<readonly unknown[]> {
  return (await listAll(client, pods, {})).map(({ metadata }) => metadata.name);
}

describe('a list to its end', () => {
  it('is put together from its pages', async () => {
    const { client, asked } = scripted(first, last);
    const options = { namespace: 'n', labelSelector: 'l=1', pageSize: 2 };
    const objects = await listAll(client, pods, {
      ...options,
      project: ({ apiVersion, kind, metadata }) => ({ apiVersion, kind, metadata }),
    });
    expect(objects).toEqual(
      ['a', 'b', 'c'].map((name) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name } })),
    );
    const page = { namespace: 'n', labelSelector: 'l=1', limit: 2 };
    expect(asked).toEqual([page, { ...page, continue: 'more' }]);
  });

  it('is begun anew when the server has lost its beginning', async () => {
    expect(await names(scripted(first, gone, first, last).client)).toEqual(['a', 'b', 'c']);
  });

  it('is given up when the server keeps losing it', async () => {
    const { client, asked } = scripted(first, gone, first, gone, first, gone, first, last);
    await expect(names(client)).rejects.toBe(gone);
    expect(asked).toHaveLength(6);
  });

  it('fails as its pages do', async () => {
    const forbidden = new ApiError('list pods', 403, {});
    await expect(names(scripted(first, forbidden, first, last).client)).rejects.toBe(forbidden);
  });
});
