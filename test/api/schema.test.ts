import { Ajv } from 'ajv';
import { customResourceDefinition } from '../../src/api/schema.ts';
import { specFields } from '../../src/api/types.ts';

const { spec: definition, metadata } = customResourceDefinition();
const [version] = definition.versions;
const schema = version?.schema.openAPIV3Schema;

describe('the CustomResourceDefinition', () => {
  it('is served where che-operator and existing objects look for it', () => {
    expect(metadata.name).toBe('kubernetesimagepullers.che.eclipse.org');
    expect(definition).toMatchObject({
      group: 'che.eclipse.org',
      scope: 'Namespaced',
      names: {
        kind: 'KubernetesImagePuller',
        listKind: 'KubernetesImagePullerList',
        plural: 'kubernetesimagepullers',
        singular: 'kubernetesimagepuller',
        shortNames: ['kip'],
      },
    });
    expect(definition.names).not.toHaveProperty('categories');
    expect(definition.versions).toHaveLength(1);
    expect(version).toMatchObject({
      name: 'v1alpha1',
      served: true,
      storage: true,
      subresources: { status: {} },
    });
  });

  it('has the fourteen fields of the peer, free of anything that could refuse or rewrite them', () => {
    // che-incubator/kubernetes-image-puller-operator 1.1.2: config/crd/bases.
    expect(Object.keys(schema?.properties.spec.properties ?? {}).sort()).toEqual([
      'affinity',
      'cachingCPULimit',
      'cachingCPURequest',
      'cachingIntervalHours',
      'cachingMemoryLimit',
      'cachingMemoryRequest',
      'configMapName',
      'daemonsetName',
      'deploymentName',
      'imagePullSecrets',
      'imagePullerImage',
      'images',
      'nodeSelector',
      'tolerations',
    ]);
    for (const field of Object.values(schema?.properties.spec.properties ?? {})) {
      expect(field).toEqual({ type: 'string', description: expect.stringMatching(/^[A-Z].*\.$/s) });
    }
    expect(schema).not.toHaveProperty('required');
    expect(schema?.properties.spec).not.toHaveProperty('required');
  });

  it('tells for each field what its default is', () => {
    for (const field of specFields) {
      expect(schema?.properties.spec.properties[field]?.description).toContain('Default: ');
    }
  });

  it('keeps the status field of the peer and adds nothing that is required', () => {
    expect(schema?.properties.status.properties.imagePullerImage.type).toBe('string');
    expect(Object.keys(schema?.properties.status.properties ?? {}).sort()).toEqual([
      'conditions',
      'imagePullerImage',
      'images',
      'imagesDesired',
      'imagesFailing',
      'imagesReady',
      'lastCompleteTime',
      'nodesDesired',
      'nodesReady',
      'nodesUnreachable',
      'observedGeneration',
    ]);
    expect(schema?.properties.status).not.toHaveProperty('required');
  });

  it('has conditions that are merged by type', () => {
    expect(schema?.properties.status.properties.conditions).toMatchObject({
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
    });
  });

  it('shows in a table what people ask first', () => {
    expect(version?.additionalPrinterColumns.map(({ name, jsonPath }) => [name, jsonPath])).toEqual(
      [
        ['Ready', '.status.conditions[?(@.type=="Ready")].status'],
        ['Reason', '.status.conditions[?(@.type=="Ready")].reason'],
        ['Images', '.status.imagesDesired'],
        ['Desired', '.status.nodesDesired'],
        ['Ready nodes', '.status.nodesReady'],
        ['Age', '.metadata.creationTimestamp'],
      ],
    );
  });

  it('takes conditions as metav1.Condition has them, and no others', () => {
    const condition = {
      type: 'Ready',
      status: 'True',
      reason: 'ImagesCached',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
      observedGeneration: 1,
    };
    const validate = new Ajv({
      strict: false,
      formats: { 'date-time': true, int64: true },
    }).compile(schema?.properties.status.properties.conditions.items ?? {});
    expect(validate(condition)).toBe(true);
    expect(validate({ ...condition, type: 'example.com/Ready' })).toBe(true);
    for (const wrong of [
      { status: 'true' },
      { reason: '' },
      { reason: 'no spaces' },
      { type: 'no spaces' },
      { observedGeneration: -1 },
      { message: 'x'.repeat(32_769) },
      { lastTransitionTime: undefined },
    ]) {
      expect(validate({ ...condition, ...wrong })).toBe(false);
    }
  });
});
