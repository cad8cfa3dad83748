import { readFileSync } from 'node:fs';
import { asObject, type JsonObject } from './json.ts';
import { badRequest, unsupportedMediaType } from './status-error.ts';
import { timestamp } from './writer.ts';

/** The content type in which client-go's typed clients send objects: `kubectl create`, `auth can-i`. */
export const protobufType = 'application/vnd.kubernetes.protobuf';

/** By number, the name and the type of each field, as `containers repeated core.v1.Container`. */
type Message = Readonly<Record<string, string>>;

const { messages } = JSON.parse(
  readFileSync(new URL('./kubernetes-messages.json', import.meta.url), 'utf8'),
) as { readonly messages: Readonly<Record<string, Message>> };

/** What comes before the envelope: apimachinery/pkg/runtime/serializer/protobuf/protobuf.go. */
const magic = Buffer.from('k8s\0');

const envelope: Message = { 1: 'typeMeta runtime.TypeMeta', 2: 'raw bytes' };
const typeMeta: Message = { 1: 'apiVersion string', 2: 'kind string' };

/**
 * The object in a body of {@link protobufType}, as JSON. Zeros are there where Go's fields are no
 * pointers, as in any object that Go has written before it is decoded. 400 for what is no such body,
 * 415 for a kind that clients are not expected to send.
 */
export function decodeProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, magic.length).equals(magic)) {
    throw badRequest('the provided data does not appear to be a protobuf message');
  }
  try {
    const outer = decodeMessage(envelope, body.subarray(magic.length));
    const { apiVersion, kind } = asObject(outer['typeMeta']);
    const raw = Buffer.from(String(outer['raw'] ?? ''), 'base64');
    return { apiVersion, kind, ...decodeMessage(messageOf(`${apiVersion}`, `${kind}`), raw) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw badRequest(`the body ends too early: ${error.message}`);
  }
}

/** Packages are called after the first word of their group. */
function messageOf(apiVersion: string, kind: string): Message {
  const [, group = 'core', version] = /^(?:([^./]+)[^/]*\/)?(\w+)$/.exec(apiVersion) ?? [];
  const message = messages[`${group}.${version}.${kind}`] ?? messages[`meta.v1.${kind}`];
  if (message === undefined) throw unsupportedMediaType(['application/json', 'application/yaml']);
  return message;
}

function decodeMessage(message: Message, bytes: Buffer): JsonObject {
  const fields: Record<string, unknown> = {};
  for (const { number, value } of wireFields(bytes)) {
    const [name = '', ...words] = message[number]?.split(' ') ?? [];
    if (name === '') continue;
    const type = words.join(' ');
    const mapped = /^map<string, (.+)>$/.exec(type)?.[1];
    if (mapped !== undefined) {
      fields[name] = { ...asObject(fields[name]), ...decodeEntry(mapped, value) };
    } else if (words[0] === 'repeated') {
      fields[name] = [...((fields[name] as unknown[]) ?? []), decodeValue(words[1] ?? '', value)];
    } else {
      fields[name] = decodeValue(type, value);
    }
  }
  return fields;
}

/** One entry of a map is a message of its own: its key is field 1, its value field 2. */
function decodeEntry(type: string, value: WireValue): JsonObject {
  const entry = decodeMessage({ 1: 'key string', 2: `value ${type}` }, value as Buffer);
  return { [String(entry['key'] ?? '')]: entry['value'] };
}

function decodeValue(type: string, value: WireValue): unknown {
  if (typeof value === 'bigint') return type === 'bool' ? value !== 0n : Number(value);
  switch (type) {
    case 'string':
      return value.toString('utf8');
    case 'bytes':
      return value.toString('base64');
    case 'runtime.TypeMeta':
      return decodeMessage(typeMeta, value);
    default:
      return decodeStruct(type, decodeMessage(messages[type] ?? {}, value));
  }
}

/** Some structures are something else in JSON. */
function decodeStruct(type: string, fields: JsonObject): unknown {
  switch (type) {
    case 'meta.v1.Time':
      return fields['seconds'] === undefined ? null : timestamp(Number(fields['seconds']) * 1000);
    case 'meta.v1.MicroTime':
      return fields['seconds'] === undefined ? null : microTime(fields);
    case 'resource.Quantity':
      return fields['string'] ?? '0';
    case 'intstr.IntOrString':
      return fields['type'] ? fields['strVal'] : (fields['intVal'] ?? 0);
    case 'meta.v1.FieldsV1':
    case 'runtime.RawExtension':
      return JSON.parse(Buffer.from(String(fields['Raw'] ?? fields['raw']), 'base64').toString());
    default:
      return fields;
  }
}

function microTime({ seconds, nanos }: JsonObject): string {
  const micros = String(Math.floor(Number(nanos ?? 0) / 1000)).padStart(6, '0');
  return timestamp(Number(seconds) * 1000).replace('Z', `.${micros}Z`);
}

type WireValue = bigint | Buffer;

/** The fields as they are on the wire: numbers as varints, everything else with its length. */
function* wireFields(bytes: Buffer): Generator<{ number: number; value: WireValue }> {
  let at = 0;
  const varint = () => {
    let result = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, result);
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wireType = tag & 7;
    if (wireType === 0) {
      yield { number: tag >> 3, value: varint() };
    } else if (wireType === 2) {
      const length = Number(varint());
      if (length > bytes.length - at) throw new RangeError(`${length} bytes at ${at}`);
      yield { number: tag >> 3, value: bytes.subarray(at, at + length) };
      at += length;
    } else {
      throw badRequest(`no field of Kubernetes has wire type ${wireType}`);
    }
  }
}
