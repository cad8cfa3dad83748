/** What tests and the demo need of a cluster, whichever kind it is. */
export interface Cluster {
  /** Shown in test names: `embedded` or `real`. */
  readonly name: string;
  /** The API server's base URL. */
  readonly url: string;
  /**
   * A kubeconfig (YAML) for a user: the administrator by default, else a service account
   * `system:serviceaccount:<namespace>:<name>` whose rights come from RBAC.
   */
  kubeconfig(user?: string): string;
  /** Names of the nodes that run pods. */
  readonly nodes: readonly string[];
  /** Lets the cluster's own time pass until the condition holds; rejects after `timeoutMs` of real time. */
  until(condition: () => Promise<boolean> | boolean, timeoutMs?: number): Promise<void>;
  /**
   * Makes the API server forget all history: watches and pages of lists that go on from an earlier
   * revision answer 410. Watches that are open may end.
   */
  compact(): Promise<void>;
  stop(): Promise<void>;
}
