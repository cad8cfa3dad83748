/** A reference that this share of the fake nodes (in percent, by their numbers) cannot pull. */
export function failingReference(name: string, percent: number): string {
  return `registry.test/${name}-fails-on-${percent}-percent:1`;
}

/**
 * What becomes of pods on fake nodes, as kwok's Stages (kwok.x-k8s.io/v1alpha1): first half of the images
 * are there, then all, each with an imageID that depends on its reference alone; or some cannot be
 * pulled, then their containers wait, and go on to wait in back-off, while the others run. A pod that
 * the node-lifecycle controller has marked as not Ready, its node having been late with its Lease, is
 * reported Ready again, as a kubelet does that comes back.
 */
export function podStages(): readonly object[] {
  return [
    stage('pod-half-pulled', {
      from: 'placed',
      delayMs: { least: 100, most: 500 },
      status: statusTemplate({ pulled: 'div (add1 (len .spec.containers)) 2', refusal: '' }),
    }),
    stage('pod-pulled', {
      from: 'pulling',
      delayMs: { least: 500, most: 2_000 },
      status: statusTemplate({ pulled: 'len .spec.containers', refusal: 'ErrImagePull' }),
    }),
    stage('pod-pull-backs-off', {
      from: 'refused',
      delayMs: { least: 5_000, most: 10_000 },
      status: statusTemplate({ pulled: 'len .spec.containers', refusal: 'ImagePullBackOff' }),
    }),
    stage('pod-reported-again', {
      from: 'marked',
      delayMs: { least: 1_000, most: 3_000 },
      status: 'conditions: [{type: Ready, status: "True", lastTransitionTime: {{ Now | Quote }}}]',
    }),
  ];
}

/** How far a pod has come, told by its containers; in the language of jq, as kwok reads it. */
const progress = `
  (.status.containerStatuses // []) as $all
  | [$all[].state.waiting.reason] as $waiting
  | [.status.conditions[]? | select(.status == "True") | .type] as $met
  | if ($all | length) == 0 then "placed"
    elif any($waiting[]; . == "ContainerCreating") then "pulling"
    elif any($waiting[]; . == "ErrImagePull") then "refused"
    elif ($met | index("ContainersReady")) and ($met | index("Ready") | not) then "marked"
    else "settled" end`;

interface Step {
  readonly from: 'placed' | 'pulling' | 'refused' | 'marked';
  readonly delayMs: { readonly least: number; readonly most: number };
  /** A Go template of what changes. */
  readonly status: string;
}

function stage(name: string, { from, delayMs, status }: Step): object {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: {
      resourceRef: { apiGroup: 'v1', kind: 'Pod' },
      selector: {
        matchExpressions: [
          { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' },
          { key: progress, operator: 'In', values: [from] },
        ],
      },
      delay: { durationMilliseconds: delayMs.least, jitterDurationMilliseconds: delayMs.most },
      next: { statusTemplate: status },
    },
  };
}

interface StatusParts {
  /** How many images are done with, as a Go template has it. */
  readonly pulled: string;
  /** Why a container waits whose image cannot be had; empty while that is not known. */
  readonly refusal: string;
}

/** As a kubelet tells it: Pending until every container has run (kubernetes/kubernetes: pkg/kubelet/kubelet_pods.go). */
function statusTemplate({ pulled, refusal }: StatusParts): string {
  return `
{{ define "imageID" }}
  {{- if contains "@" . }}{{ . }}{{ else }}{{ regexReplaceAll ":[^:/]+$" . "" }}@sha256:{{ sha256sum . }}{{ end -}}
{{ end }}
{{ $now := Now }}
{{ $number := regexFind "[0-9]+$" .spec.nodeName | atoi }}
{{ $pulled := ${pulled} }}
{{ $ready := "True" }}
containerStatuses:
{{ range $index, $container := .spec.containers }}
{{ $percent := regexFind "fails-on-[0-9]+-percent" .image | regexFind "[0-9]+" | atoi }}
{{ $fails := lt (mod $number 100) $percent }}
{{ $why := printf "failed to pull and unpack image %q: %s: not found" .image .image }}
- name: {{ .name }}
  image: {{ .image | Quote }}
  restartCount: 0
{{ if and (lt $index $pulled) (not $fails) }}
  imageID: {{ template "imageID" .image }}
  ready: true
  started: true
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ else }}
  {{ $ready = "False" }}
  imageID: ""
  ready: false
  started: false
{{ if and $fails "${refusal}" }}
  state: {waiting: {reason: ${refusal || 'none'}, message: {{ $why | Quote }}}}
{{ else }}
  state: {waiting: {reason: ContainerCreating}}
{{ end }}
{{ end }}
{{ end }}
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name }}
  image: {{ .image | Quote }}
  imageID: {{ template "imageID" .image }}
  restartCount: 0
  ready: true
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
{{ end }}
conditions:
- {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: {{ $ready | quote }}, lastTransitionTime: {{ $now | Quote }}}
- {type: Ready, status: {{ $ready | quote }}, lastTransitionTime: {{ $now | Quote }}}
phase: {{ if eq $ready "True" }}Running{{ else }}Pending{{ end }}
startTime: {{ or .status.startTime $now | Quote }}
`;
}
