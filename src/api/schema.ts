import { defaults } from './defaults.ts';
import { jsonForms } from './json-forms.ts';
import { group, kind, listedImages, plural, type SpecField, specFields, version } from './types.ts';

/**
 * The CustomResourceDefinition (apiextensions.k8s.io/v1) as the API server is to get it; a superset of
 * the peer's at 1.1.2.
 *
 * The spec fields carry no default, pattern or length: che-operator compares whole specs and rewrites
 * what differs, and OLM refuses a definition that tightens an existing field. What a value must look
 * like is in the descriptions, and a bad one is answered in status.
 *
 * The kind is in no category, as those of other image pullers are in none (openkruise/kruise and
 * kubeedge/kubeedge): what is in `all` is not only shown by that name, but deleted by it too.
 */
export function customResourceDefinition() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: ['kip'],
      },
      scope: 'Namespaced',
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: puller() },
          subresources: { status: {} },
          additionalPrinterColumns: printerColumns(),
        },
      ],
    },
  };
}

function printerColumns() {
  const ready = (field: string) => `.status.conditions[?(@.type=="Ready")].${field}`;
  return [
    { name: 'Ready', type: 'string', jsonPath: ready('status') },
    { name: 'Reason', type: 'string', jsonPath: ready('reason') },
    {
      name: 'Images',
      type: 'integer',
      jsonPath: '.status.imagesDesired',
      description: 'Distinct images to cache.',
    },
    {
      name: 'Desired',
      type: 'integer',
      jsonPath: '.status.nodesDesired',
      description: 'Nodes that should hold the images.',
    },
    {
      name: 'Ready nodes',
      type: 'integer',
      jsonPath: '.status.nodesReady',
      description: 'Nodes that hold every image.',
    },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ];
}

function puller() {
  return {
    type: 'object',
    description:
      'A KubernetesImagePuller keeps a list of container images on every node, so that workloads start without pulling them.',
    properties: {
      apiVersion: {
        type: 'string',
        description: `The version of this representation: ${group}/${version}.`,
      },
      kind: { type: 'string', description: `The kind of this object: ${kind}.` },
      metadata: { type: 'object' },
      spec: {
        type: 'object',
        description:
          'What to cache, where, and at what cost. Every field is an optional string; an empty one counts as unset. The operator never writes to it: what became of each value is told in status.',
        properties: Object.fromEntries(
          specFields.map((field) => [
            field,
            { type: 'string', description: specDescriptions[field] },
          ]),
        ),
      },
      status: status(),
    },
  };
}

const held = 'everything stays as it is until that is corrected';

function example(field: keyof typeof jsonForms): string {
  const { form, example } = jsonForms[field];
  return `${form}. Example: ${example}.`;
}

const limitRule =
  'What is no quantity is replaced by the default and reported as InvalidField. A limit below the request is raised to it; a default request above your limit is lowered to it. 0 means no limit.';

function requestDefault(each: string, together: string): string {
  return `${each}, and where pods can have requests of their own (Kubernetes 1.34 and newer) ${together}`;
}

const specDescriptions: Readonly<Record<SpecField, string>> = {
  configMapName: `Name of the ConfigMap with the puller's settings: a DNS subdomain of at most 230 characters. Default: ${defaults.configMapName}. A name that cannot be used is reported as InvalidName, one that somebody else's object has as NameConflict; ${held}.`,
  daemonsetName: `Name of the DaemonSet that holds the images on the nodes: a DNS subdomain of at most 230 characters. Above 40 images there are further ones, named after it. Default: ${defaults.daemonsetName}. Bad and foreign names are treated as for configMapName.`,
  deploymentName: `Name of the puller's Deployment; its ServiceAccount, Role, RoleBinding and report ConfigMap are named after it. A DNS subdomain of at most 230 characters. Default: ${defaults.deploymentName}. Bad and foreign names are treated as for configMapName.`,
  images: `The images to cache: entries name=reference, separated by semicolons; white space and line breaks around entries are ignored. Example: "java=quay.io/devfile/universal-developer-image:ubi9-latest; tools=registry.example.com:5000/team/tools@sha256:...". Default: ${defaults.images}. {} means no images; nothing but separators counts as unset. Names are free text: those that cannot name a container are mended. Of entries with one name the last counts; one image under several names is cached once. An entry that is no name=reference is left out and reported as InvalidImages, the others go on.`,
  cachingIntervalHours: `Hours between two checks of moving tags: a whole number from 1 to 8760. Default: ${defaults.cachingIntervalHours}. Other numbers are clamped; anything else counts as 1. The value is checked and carried in the ConfigMap; this version does not check tags yet.`,
  cachingMemoryRequest: `Memory requested for each image on each node, as a quantity such as 10Mi or 16M. Default: ${requestDefault(defaults.cachingMemoryRequest, 'what the sleeping containers need together')}. What is no quantity is replaced by the default and reported as InvalidField.`,
  cachingMemoryLimit: `Memory limit for each image on each node, as a quantity; containers do not start below 4Mi. Default: ${defaults.cachingMemoryLimit}. ${limitRule}`,
  cachingCPURequest: `CPU requested for each image on each node, as a quantity such as 50m or .05. Default: ${requestDefault(defaults.cachingCPURequest, 'that much for all images of a pod together')}. What is no quantity is replaced by the default and reported as InvalidField.`,
  cachingCPULimit: `CPU limit for each image on each node, as a quantity. Default: ${defaults.cachingCPULimit}. ${limitRule}`,
  nodeSelector: `Labels of the nodes that get the images: ${example('nodeSelector')} Default: ${defaults.nodeSelector}, every Linux node: kubernetes.io/os: linux is added unless the object has that label. Anything else is reported as InvalidNodeSelector; ${held}.`,
  imagePullSecrets:
    'Names of Secrets in this namespace with credentials for the registries, separated by semicolons. Example: "quay;internal". Default: none. Invalid names are left out and reported as InvalidImagePullSecrets.',
  affinity: `Where pods of the cache may run: ${example('affinity')} Default: ${defaults.affinity}. Unknown fields are ignored and remarked on. Anything else is reported as InvalidAffinity; ${held}.`,
  tolerations: `Taints that pods of the cache tolerate: ${example('tolerations')} Default: ${defaults.tolerations}. Unknown fields are ignored and remarked on. Anything else is reported as InvalidTolerations; ${held}.`,
  imagePullerImage:
    "Image of the init container that brings the sleep program of the cache; it must offer /bin/sh, cp and a static /bin/sleep. Default: the operator's own. Public images of the earlier puller, which other operators write here, count as unset. What is no image reference is reported as InvalidField and the default is used.",
};

function status() {
  return {
    type: 'object',
    description: 'What the operator found and did. Written by the operator only.',
    properties: {
      imagePullerImage: {
        type: 'string',
        description: 'The image whose sleep program the containers of the cache run.',
      },
      observedGeneration: {
        type: 'integer',
        format: 'int64',
        minimum: 0,
        description: 'The generation of the spec that this status speaks of.',
      },
      conditions: {
        type: 'array',
        description:
          "Ready: every node holds every image; nodes that are unreachable or new do not hold it up. Progressing: the operator or the nodes are at work. Degraded: something needs attention; reason and message tell what. Reconciling and Stalled are there only while they are True: the spec is not reached yet, or will not be without somebody's help.",
        items: condition(),
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
      },
      nodesDesired: tally('Nodes that should hold the images.'),
      nodesReady: tally('Nodes that hold every image.'),
      nodesUnreachable: tally('Selected nodes that do not answer.'),
      imagesDesired: tally('Distinct images to cache.'),
      imagesReady: tally(
        'Images that every selected node holds, unreachable and new nodes aside. Absent where the operator may not read pods.',
      ),
      imagesFailing: tally(
        'Images that fail on at least one node. Absent where the operator may not read pods.',
      ),
      lastCompleteTime: {
        type: 'string',
        format: 'date-time',
        description:
          'When every image was last on every node. While Ready is True with reason AllResourcesReady that is now, and this is since when.',
      },
      images: {
        type: 'array',
        description: `The images one by one, failing ones first, at most ${listedImages}; the counts tell of all. Absent where the operator may not read pods.`,
        items: image(),
        'x-kubernetes-list-type': 'atomic',
      },
    },
  };
}

function image() {
  const text = (description: string) => ({ type: 'string', description });
  return {
    type: 'object',
    required: ['container', 'name', 'nodesFailing', 'nodesReady', 'reference'],
    properties: {
      name: text('The name in spec.images.'),
      container: text('The container that holds it.'),
      reference: text('The image, as in spec.images.'),
      digest: text('What its tag stands for on most nodes.'),
      nodesReady: tally('Nodes that hold it.'),
      nodesFailing: tally('Nodes on which it fails.'),
      failingSince: {
        type: 'string',
        format: 'date-time',
        description: 'Since when it fails on one node or another.',
      },
      lastCompleteTime: {
        type: 'string',
        format: 'date-time',
        description:
          'When every node that answers last held it. While all of them do, that is now, and this is since when.',
      },
      reason: text(
        'What most of the failing nodes say, in one word of theirs; or DigestsDiffer, if nothing fails and nodes hold different content.',
      ),
      message: text('The same at length.'),
      advice: text('What the failure means, and what can be done.'),
    },
  };
}

function tally(description: string) {
  return { type: 'integer', format: 'int32', minimum: 0, description };
}

/** metav1.Condition with its own limits (kubernetes/apimachinery: pkg/apis/meta/v1/types.go). */
function condition() {
  return {
    type: 'object',
    required: ['lastTransitionTime', 'message', 'reason', 'status', 'type'],
    properties: {
      lastTransitionTime: {
        type: 'string',
        format: 'date-time',
        description: 'When the status of this condition last changed.',
      },
      message: {
        type: 'string',
        maxLength: 32768,
        description: 'For people: what is the case, and what can be done.',
      },
      observedGeneration: {
        type: 'integer',
        format: 'int64',
        minimum: 0,
        description: 'The generation of the spec that this condition speaks of.',
      },
      reason: {
        type: 'string',
        minLength: 1,
        maxLength: 1024,
        pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
        description: 'For programs: why, in one word.',
      },
      status: {
        type: 'string',
        enum: ['True', 'False', 'Unknown'],
        description: 'Whether the condition holds.',
      },
      type: {
        type: 'string',
        maxLength: 316,
        pattern:
          '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$',
        description: 'Which condition this is.',
      },
    },
  };
}
