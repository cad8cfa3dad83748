import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { json, nodeDocument, reportDocument, yaml } from '../../../src/cli/status/documents.ts';
import { nodeReport } from '../../../src/cli/status/node-report.ts';
import { digestOf, reportOf, stalled, unheard } from './scenes.ts';

const cause = {
  reason: 'ErrImagePull',
  message: 'failed to do request: Head "https://quay.io/v2/": 401 Unauthorized',
  cause: 'Unauthorized',
  says: '401 Unauthorized',
  remedy: 'check imagePullSecrets',
};

function identity(name: string): object {
  return { name, names: [name], container: name, reference: `quay.io/example/${name}:1` };
}

describe('a report as data', () => {
  it('has the documented fields', () => {
    const puller = reportOf({ bad: 'x#', java: '##' }, { conditions: stalled });
    const amounts = (cpu: string, memory: string) => ({ cpu, memory });
    expect(reportDocument({ pullers: [puller], unread: ['something'] })).toEqual({
      pullers: [
        {
          namespace: 'workspaces',
          name: 'puller',
          outcome: 'stuck',
          isOutdated: false,
          isTerminating: false,
          conditions: stalled,
          images: [
            {
              ...identity('bad'),
              nodes: { desired: 2, cached: 1, pulling: 0, failing: 1, other: 0 },
              digests: [{ digest: digestOf('bad'), nodes: 1 }],
              failingSince: '2026-01-01T12:00:00Z',
              failures: [{ ...cause, nodes: 1, firstNodes: ['node-1'] }],
              advice: '401 Unauthorized; check imagePullSecrets',
            },
            {
              ...identity('java'),
              nodes: { desired: 2, cached: 2, pulling: 0, failing: 0, other: 0 },
              digests: [{ digest: digestOf('java'), nodes: 2 }],
              lastCompleteTime: '2026-01-01T12:00:00Z',
              failures: [],
            },
          ],
          nodes: {
            desired: 2,
            ready: 1,
            unreachable: 0,
            withoutPod: 0,
            refusals: [],
            lacking: [
              {
                name: 'node-1',
                verdict: 'failing',
                isNew: false,
                lacks: ['bad'],
                why: '401 Unauthorized; check imagePullSecrets',
              },
            ],
          },
          cost: {
            eachNode: {
              pods: 1,
              requests: amounts('100m', '20Mi'),
              limits: amounts('400m', '40Mi'),
            },
            allNodes: {
              pods: 2,
              requests: amounts('200m', '40Mi'),
              limits: amounts('800m', '80Mi'),
            },
            surge: { pods: 1, requests: amounts('100m', '20Mi'), limits: amounts('400m', '40Mi') },
            puller: { pods: 1, requests: amounts('10m', '96Mi'), limits: amounts('500m', '256Mi') },
            quota: {
              pods: 4,
              requests: amounts('310m', '156Mi'),
              limits: amounts('1700m', '376Mi'),
            },
            formula: { limits: amounts('800m', '80Mi') },
          },
        },
      ],
      unread: ['something'],
    });
  });

  it('lists every node that does not hold all, unreachable ones too', () => {
    const pods = { 'node-2': unheard };
    const [puller] = (
      reportDocument({ pullers: [reportOf({ java: '.#.#' }, { pods })], unread: [] }) as {
        pullers: { nodes: { unreachable: number; lacking: { name: string; verdict: string }[] } }[];
      }
    ).pullers;
    expect(puller?.nodes.unreachable).toBe(1);
    expect(puller?.nodes.lacking.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['node-1', 'pulling'],
      ['node-2', 'unreachable'],
      ['node-3', 'pulling'],
    ]);
  });
});

describe('a node as data', () => {
  const puller = reportOf({ bad: 'x', java: '#' }, { conditions: stalled });

  it('has the documented fields', () => {
    expect(nodeDocument(nodeReport([puller], 'node-1', undefined), [])).toEqual({
      node: 'node-1',
      pullers: [
        {
          namespace: 'workspaces',
          name: 'puller',
          outcome: 'stuck',
          verdict: 'failing',
          message: '',
          images: [
            { ...identity('bad'), state: 'failing', ...cause },
            { ...identity('java'), state: 'held', digest: digestOf('java') },
          ],
        },
      ],
      unread: [],
    });
  });

  it('says what its own list is worth', () => {
    const listOf = (list: Parameters<typeof nodeReport>[2]) =>
      nodeDocument(nodeReport([puller], 'node-9', list), []);
    expect(listOf({ error: 'no' })).toMatchObject({ nodeList: { error: 'no' } });
    expect(listOf({ isCut: true, has: () => false })).toMatchObject({
      nodeList: { mayBeCut: true },
      pullers: [{ images: [{ state: 'unknown' }, { state: 'unknown' }] }],
    });
  });
});

describe('docs/status-command.md', () => {
  const docs = readFileSync(new URL('../../../docs/status-command.md', import.meta.url), 'utf8');
  const puller = reportOf({ bad: 'x#', java: '##' }, { conditions: stalled });

  /** The names of all fields, at whatever depth; those of conditions are Kubernetes' own. */
  function fieldsOf(value: unknown): readonly string[] {
    if (typeof value !== 'object' || value === null) return [];
    if (Array.isArray(value)) return value.flatMap(fieldsOf);
    return Object.entries(value).flatMap(([field, inner]) => [
      field,
      ...(field === 'conditions' ? [] : fieldsOf(inner)),
    ]);
  }

  it.each<[string, object]>([
    ['a report', reportDocument({ pullers: [puller], unread: [] })],
    ['a node', nodeDocument(nodeReport([puller], 'node-1', { error: 'no' }), [])],
    ['its list', nodeDocument(nodeReport([puller], 'x', { isCut: true, has: () => true }), [])],
  ])('has every field of %s', (_what, document) => {
    const missing = fieldsOf(document).filter((field) => !new RegExp(`\\b${field}\\b`).test(docs));
    expect(missing).toEqual([]);
  });
});

describe('data as text', () => {
  const value = {
    evil: '\u001b[2J\u009b31m\u202e\u{1F4A3}\r\nnext line',
    long: 'word '.repeat(100),
    date: '2026-01-01T00:00:00Z',
    yes: 'yes',
    number: '2',
    empty: [],
  };

  it.each([
    ['JSON', (text: string) => JSON.parse(text), json],
    ['YAML', parse, yaml],
  ])('is the same when it is read again as %s', (_format, read, write) => {
    const text = write(value);
    expect(read(text)).toEqual(value);
    expect(text).toMatch(/^[\n -~]*$/);
  });

  it('has quotes in YAML where older readers see more than text', () => {
    expect(yaml(value)).toContain('date: "2026-01-01T00:00:00Z"\n"yes": "yes"\nnumber: "2"\n');
  });

  it('may be one line of JSON', () => {
    expect(json({ a: [1] })).toBe('{"a":[1]}');
    expect(json({ a: [1] }, 2)).toBe('{\n  "a": [\n    1\n  ]\n}');
  });
});
