{{/* Name of everything of the operator's in its namespace. */}}
{{- define "genaiops.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains "genaiops" .Release.Name -}}
{{- printf "%s-operator" (.Release.Name | trunc 48 | trimSuffix "-") -}}
{{- else -}}
{{- printf "%s-genaiops-operator" (.Release.Name | trunc 40 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{/* Name of what belongs to no namespace: two installs in two namespaces don't meet. */}}
{{- define "genaiops.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "genaiops.fullname" .) -}}
{{- end -}}

{{/* The name label is the one by which the gateways' NetworkPolicies know the operator's pods: it is no option. */}}
{{- define "genaiops.selector" -}}
app.kubernetes.io/name: genaiops-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "genaiops.labels" -}}
{{ include "genaiops.selector" . }}
app.kubernetes.io/part-of: genaiops
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "genaiops.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "genaiops.fullname" .) -}}
{{- else -}}
{{- required "serviceAccount.name: name the ServiceAccount to use, or set serviceAccount.create" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Name of both webhook configurations, which belong to no namespace. */}}
{{- define "genaiops.webhookConfiguration" -}}
{{- printf "%s.%s" (include "genaiops.fullname" .) .Release.Namespace -}}
{{- end -}}

{{/* Name by which the API server calls the webhook. */}}
{{- define "genaiops.webhookHost" -}}
{{- printf "%s-webhook.%s.svc" (include "genaiops.fullname" .) .Release.Namespace -}}
{{- end -}}

{{/* Who tells the API server whom to trust: cert-manager, else the operator. */}}
{{- define "genaiops.webhookAnnotations" -}}
{{- if .Values.webhook.certManager.enabled -}}
annotations:
  cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/{{ include "genaiops.fullname" . }}-webhook
{{- end -}}
{{- end -}}

{{/* Reference of an image: (dict "image" .Values.images.operator "tag" .Chart.AppVersion). */}}
{{- define "genaiops.image" -}}
{{- with .image -}}
{{- if .reference -}}
{{- .reference -}}
{{- else if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What the operator does in a namespace with apps. docs/install.md says why for each. */}}
{{- define "genaiops.permissions" -}}
# What people write: read, and judged in its status.
- apiGroups: [genaiops.dev]
  resources: [models, prompts, guardrailpolicies, rolloutpolicies, evaluationsuites, llmapps]
  verbs: [list, watch]
- apiGroups: [genaiops.dev]
  resources: [models/status, prompts/status, guardrailpolicies/status, rolloutpolicies/status, llmapps/status, releases/status, releaseactions/status, evaluationsuites/status, evaluations/status]
  verbs: [update]
# What people decide; old decisions are cleared away.
- apiGroups: [genaiops.dev]
  resources: [releaseactions]
  verbs: [list, watch, delete]
# What it makes. A server-side apply is a patch, and a create where the object is not there yet.
- apiGroups: [genaiops.dev]
  resources: [releases, evaluations]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [configmaps, services]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [list, watch, create, patch, delete]
# Owner references that hold the owner's deletion up, on clusters that check them.
- apiGroups: [genaiops.dev]
  resources: [llmapps/finalizers, models/finalizers, evaluations/finalizers]
  verbs: [update]
# Which pods are ready; an annotation on a gateway's pod brings new routes to it at once.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch]
# Two weights in an HTTPRoute that an app names; who stands behind a Service that no gateway of ours is asked about.
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [list, watch, patch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list]
# Whether a Model's key is there. Only key names are kept.
- apiGroups: [""]
  resources: [secrets]
  verbs: [list, watch]
# Jobs that measure or evaluate a release. How they end stands in their pods; why one never began, in the Job.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [list, create, patch, delete]
# Whether a volume that an EvaluationSuite names is there.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [list]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
