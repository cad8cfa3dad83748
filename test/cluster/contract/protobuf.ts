import type { Cluster } from '../cluster.ts';
import { stageOf } from './api.ts';

const type = 'application/vnd.kubernetes.protobuf';

/** A field on the wire: a number (below 128) as it is, a text or a message after its length. */
function field(number: number, value: string | number | Buffer): Buffer {
  if (typeof value === 'number') return Buffer.from([number << 3, value]);
  const bytes = Buffer.from(value as string); // a Buffer comes out as its copy
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(bytes.length)]), bytes]);
}

function varint(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >> 7)];
}

const message = (...fields: readonly Buffer[]) => Buffer.concat(fields);

/** An object as typed clients send it (apimachinery/pkg/runtime/generated.proto, Unknown). */
function body(apiVersion: string, kind: string, raw: Buffer): Buffer {
  const typeMeta = message(field(1, apiVersion), field(2, kind));
  return message(Buffer.from('k8s\0'), field(1, typeMeta), field(2, raw));
}

/** What clients send that are made of Go's types: `kubectl create` and the like. */
export function describeProtobuf(cluster: () => Cluster): void {
  describe('protobuf', () => {
    const stage = stageOf(cluster);

    it('is understood where an object is created, its zeros and bytes too', async () => {
      // Of ObjectMeta: name, generateName, namespace and an empty creation time.
      const metadata = message(field(1, 'a'), field(2, ''), field(3, ''), field(8, Buffer.of()));
      const entry = (key: string, value: string | Buffer) =>
        message(field(1, key), field(2, value));
      const raw = message(
        field(1, metadata),
        field(2, entry('text', 'value')),
        field(3, entry('bytes', Buffer.of(1, 2))),
        field(4, 0),
      );
      const path = stage.path('configmaps');
      const { code } = await stage.admin.createFrom(path, body('v1', 'ConfigMap', raw), type);
      expect(code).toBe(201);
      const { body: stored } = await stage.admin.get(`${path}/a`);
      expect(stored).toMatchObject({
        data: { text: 'value' },
        binaryData: { bytes: 'AQI=' },
        immutable: false,
      });
      expect(stored.metadata).not.toHaveProperty('generateName');
    });

    it('keeps lists, quantities, and what may be a number or a percentage', async () => {
      const label = message(field(1, 'app'), field(2, 'a'));
      const container = (name: string) => {
        const request = message(field(1, 'cpu'), field(2, field(1, '0.5')));
        return message(field(1, name), field(2, 'x/y:1'), field(8, field(2, request)));
      };
      const none = message(field(1, 0), field(2, 0));
      const tenth = message(field(1, 1), field(2, 0), field(3, '10%'));
      const rollingUpdate = message(field(1, none), field(2, tenth));
      const pod = message(field(2, container('a')), field(2, container('b')));
      const spec = message(
        field(1, field(1, label)),
        field(2, message(field(1, field(11, label)), field(2, pod))),
        field(3, message(field(1, 'RollingUpdate'), field(2, rollingUpdate))),
      );
      const raw = message(field(1, field(1, 'a')), field(2, spec));
      const sent = body('apps/v1', 'DaemonSet', raw);
      const path = stage.path('apps/v1/daemonsets');
      const { body: created } = await stage.admin.createFrom(path, sent, type);
      const resources = { requests: { cpu: '500m' } };
      expect(created['spec']).toMatchObject({
        selector: { matchLabels: { app: 'a' } },
        updateStrategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: '10%' } },
        template: {
          spec: {
            containers: [
              { name: 'a', resources },
              { name: 'b', resources },
            ],
          },
        },
      });
    });

    it('is refused where it is none', async () => {
      const path = stage.path('configmaps');
      const nothing = Buffer.from('{}');
      expect(await stage.admin.createFrom(path, nothing, type)).toMatchObject({ code: 400 });
      const sent = body('v1', 'ConfigMap', message(field(1, field(1, 'a')))).subarray(0, -1);
      expect(await stage.admin.createFrom(path, sent, type)).toMatchObject({ code: 400 });
    });
  });
}
