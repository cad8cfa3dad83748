import { imagePullers } from '../../src/controllers/keys.ts';
import { verbAndResource } from '../../src/kube/exchange.ts';
import { pods, type Resource, resourcePath } from '../../src/kube/objects.ts';

describe('what a request is about', () => {
  const scopeless: Resource = { ...pods, plural: 'namespaces', namespaced: false };

  it.each<[method: string, path: string, verb: string, resource: string]>([
    ['GET', resourcePath(pods), 'list', 'pods'],
    ['GET', resourcePath(pods, 'n'), 'list', 'pods'],
    ['GET', resourcePath(pods, 'n', 'a'), 'get', 'pods'],
    ['GET', resourcePath(scopeless), 'list', 'namespaces'],
    ['GET', resourcePath(scopeless, '', 'a'), 'get', 'namespaces'],
    ['POST', resourcePath(imagePullers, 'n'), 'create', 'kubernetesimagepullers'],
    ['PATCH', resourcePath(imagePullers, 'n', 'a', 'status'), 'patch', 'kubernetesimagepullers'],
    ['DELETE', resourcePath(pods, 'n', 'a'), 'delete', 'pods'],
    ['GET', '/version', 'get', ''],
    ['GET', '/apis', 'get', ''],
    ['GET', '/apis/apps/v1', 'get', ''],
  ])('%s %s is %s %s', (method, path, verb, resource) => {
    expect(verbAndResource(method, path, false)).toEqual({ verb, resource });
  });

  it('is a watch where the query says so', () => {
    expect(verbAndResource('GET', resourcePath(pods, 'n'), true)).toEqual({
      verb: 'watch',
      resource: 'pods',
    });
  });
});
