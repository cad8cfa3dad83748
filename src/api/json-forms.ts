/** What a field of JSON is to look like, for the schema that documents it and for a finding about it. */
export interface JsonForm {
  /** A noun with its article. */
  readonly form: string;
  readonly example: string;
}

/** The forms of the three fields that hold JSON; each example is one that the parser takes. */
export const jsonForms = {
  nodeSelector: { form: 'a JSON object of strings', example: '{"disktype": "ssd"}' },
  affinity: {
    form: 'a JSON object of the type Affinity of core/v1',
    example:
      '{"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}]}]}}}',
  },
  tolerations: {
    form: 'a JSON array of the type Toleration of core/v1',
    example: '[{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}]',
  },
} as const satisfies Record<string, JsonForm>;
