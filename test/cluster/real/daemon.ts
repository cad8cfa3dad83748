import type { Words } from './command.ts';

/** The programs of a cluster, in the order in which they start. They stop in reverse. */
export const daemonNames = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'registry',
  'containerd',
  'kubelet',
  'kwok',
] as const;

/** One of the programs. */
export type DaemonName = (typeof daemonNames)[number];

/**
 * How a program is run, and how one sees that it works. The `prepare…` functions return one each,
 * after they have written the configuration that its command line names.
 */
export interface Daemon {
  readonly words: Words;
  readonly environment?: Readonly<Record<string, string>>;
  /** Asked until it is true. */
  isReady(): Promise<boolean>;
}
