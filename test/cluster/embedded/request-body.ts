import { parse as parseYaml } from 'yaml';
import type { KubeObject } from '../../../src/kube/objects.ts';
import type { ApiRequest } from './api-request.ts';
import { isObject } from './json.ts';
import { decodeProtobuf, protobufType } from './protobuf.ts';
import { badRequest, unsupportedMediaType } from './status-error.ts';

/** The content types of whole objects. */
export const bodyTypes = ['application/json', 'application/yaml', protobufType];

/** The content type without its parameters; JSON where none is given. */
export function mediaType({ headers }: ApiRequest): string {
  return (headers['content-type'] ?? 'application/json').split(';')[0]?.trim() ?? '';
}

/** The body as JSON; YAML or protobuf where the content type says so, 415 where it is none of the accepted. */
export function bodyIn(request: ApiRequest, accepted: readonly string[]): unknown {
  const type = mediaType(request);
  if (!accepted.includes(type)) throw unsupportedMediaType(accepted);
  if (type === protobufType) return decodeProtobuf(Buffer.from(request.body, 'base64'));
  try {
    return JSON.parse(request.body);
  } catch (error) {
    if (!type.endsWith('yaml')) throw badRequest(`cannot parse the body: ${String(error)}`);
  }
  try {
    return parseYaml(request.body);
  } catch (error) {
    throw badRequest(`error decoding YAML: ${String(error)}`);
  }
}

/** The object in a body: it has apiVersion, kind and metadata, or 400. */
export function objectIn(request: ApiRequest, accepted: readonly string[]): KubeObject {
  const body = bodyIn(request, accepted);
  if (!isObject(body)) throw badRequest('the body is not an object');
  if (typeof body['kind'] !== 'string' || typeof body['apiVersion'] !== 'string') {
    throw badRequest("Object 'Kind' is missing in the body");
  }
  const metadata = isObject(body['metadata']) ? body['metadata'] : {};
  return { ...body, metadata } as unknown as KubeObject; // the fields are checked when decoded
}
