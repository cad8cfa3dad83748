/**
 * The fields of a CustomResourceDefinition, in the notation of types.ts. They are written by hand, as Kubernetes has
 * no merge schema of them. What a definition says of its own kind is taken as it comes.
 * (kubernetes/apiextensions-apiserver: pkg/apis/apiextensions/v1/types.go)
 */
export const definitionTypes = {
  'apiextensions.v1.CustomResourceDefinition': {
    fields: {
      apiVersion: 'string',
      kind: 'string',
      metadata: 'meta.v1.ObjectMeta = {}',
      spec: 'apiextensions.v1.CustomResourceDefinitionSpec',
      status: 'apiextensions.v1.CustomResourceDefinitionStatus',
    },
  },
  'apiextensions.v1.CustomResourceDefinitionSpec': {
    fields: {
      conversion: 'apiextensions.v1.CustomResourceConversion',
      group: 'string',
      names: 'apiextensions.v1.CustomResourceDefinitionNames',
      preserveUnknownFields: 'boolean',
      scope: 'string',
      versions: 'list(apiextensions.v1.CustomResourceDefinitionVersion)',
    },
  },
  'apiextensions.v1.CustomResourceConversion': {
    fields: { strategy: 'string', webhook: 'any' },
  },
  'apiextensions.v1.CustomResourceDefinitionNames': {
    fields: {
      categories: 'list(string)',
      kind: 'string',
      listKind: 'string',
      plural: 'string',
      shortNames: 'list(string)',
      singular: 'string',
    },
  },
  'apiextensions.v1.CustomResourceDefinitionVersion': {
    fields: {
      additionalPrinterColumns: 'list(apiextensions.v1.CustomResourceColumnDefinition)',
      deprecated: 'boolean',
      deprecationWarning: 'string?',
      name: 'string',
      schema: 'any',
      selectableFields: 'list(any)',
      served: 'boolean = false',
      storage: 'boolean = false',
      subresources: 'any',
    },
  },
  'apiextensions.v1.CustomResourceColumnDefinition': {
    fields: {
      description: 'string',
      format: 'string',
      jsonPath: 'string',
      name: 'string',
      priority: 'numeric',
      type: 'string',
    },
  },
  'apiextensions.v1.CustomResourceDefinitionStatus': {
    fields: {
      acceptedNames: 'apiextensions.v1.CustomResourceDefinitionNames',
      conditions: 'list(apiextensions.v1.CustomResourceDefinitionCondition by type)',
      observedGeneration: 'numeric',
      storedVersions: 'list(string)',
    },
  },
  'apiextensions.v1.CustomResourceDefinitionCondition': {
    fields: {
      lastTransitionTime: 'meta.v1.Time',
      message: 'string',
      observedGeneration: 'numeric',
      reason: 'string',
      status: 'string',
      type: 'string',
    },
  },
} as const;
