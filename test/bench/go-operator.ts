/**
 * What the Go operator came to, which this one follows: github.com/che-incubator/kubernetes-image-puller-operator
 * at 1d060d4 with the puller of github.com/che-incubator/kubernetes-image-puller at 8a5a530 (July 2026, Go
 * 1.26), on etcd 3.6.16 and kube-apiserver 1.36.3 with all defaults, two cores and 24 GiB, nodes by kwok
 * 0.8.0, requests counted from the audit log. Its DaemonSets are made by one puller process for each
 * custom resource. These are quoted, not measured anew.
 */
export const goOperator = {
  setting: 'the Go operator 1d060d4 on Kubernetes 1.36.3, 2 cores, 24 GiB, nodes by kwok',
  toDaemonSet: 'median 328 ms (5 runs)',
  writesNew: '12 to 16, and 1 by the puller',
  writesEdit: '4, and 3 by the puller',
  writesIdle: '0',
  leaseWrites: '30 a minute',
  idleCpu: '0.06 s',
  crowdDaemonSets: 'not counted: the pullers make them',
  crowdDeployments: '146 s, on a busy machine (of 200 on an idle one: 48 s)',
  crowdCpu: '0.05 cores, 6.6 s to the last Deployment',
  crowdWrites: '12.0',
  residentEmpty: '35 MB',
  peakCrowd: '70 MB, and 27 MB for each puller process',
  residentRestarted: '66 MB',
  restart: 'idle for 15.7 to 19.6 s: the Lease is not released',
  restartWrites: '1 (an Event)',
  failover: '15 to 17 s',
  unseen: 'reads no pods',
} as const;
