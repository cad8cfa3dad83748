/** What the puller's pod requests and is limited to. A start takes 0.2 s of CPU. */
export const pullerResources = {
  // Measured on a node: 74 MiB resident, of which 31 are its own.
  requests: { cpu: '10m', memory: '96Mi' },
  limits: { cpu: '500m', memory: '256Mi' },
} as const;
