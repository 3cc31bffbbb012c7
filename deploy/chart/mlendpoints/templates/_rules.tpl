{{- /* What the operator does in a namespace that it serves. No Secrets, no wildcards. */}}
{{- define "mlendpoints.rules" -}}
# Only the finalizer of an endpoint is written.
- apiGroups: [mlendpoints.dev]
  resources: [machinelearningendpoints]
  verbs: [list, watch, patch]
# Instances have the same kinds as templates, which are only read.
- apiGroups: [mlendpoints.dev]
  resources: [machinelearningendpointconfigs, machinelearningmodels]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [mlendpoints.dev]
  resources: [mlmodels]
  verbs: [list, watch]
- apiGroups: [mlendpoints.dev]
  resources:
    [machinelearningendpoints/status, machinelearningendpointconfigs/status, machinelearningmodels/status, mlmodels/status]
  verbs: [patch]
# Owner references with blockOwnerDeletion.
- apiGroups: [mlendpoints.dev]
  resources: [machinelearningendpoints/finalizers, machinelearningmodels/finalizers, mlmodels/finalizers]
  verbs: [update]
# A new version of an MLModel replaces its Deployment.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, update, patch, delete]
# Downloads of MLModels.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services, persistentvolumeclaims]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.istio.io]
  resources: [virtualservices, gateways, destinationrules]
  verbs: [get, list, watch, create, patch, delete]
# Where the Prometheus operator is installed.
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors]
  verbs: [get, list, watch, create, patch, delete]
{{- if ne .Values.networkPolicy.models "ignore" }}
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
# Events of kubelets about probes of model pods.
- apiGroups: [""]
  resources: [events]
  verbs: [list]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}

{{- /* PersistentVolumes have no namespace. */}}
{{- define "mlendpoints.volumeRules" -}}
- apiGroups: [""]
  resources: [persistentvolumes]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}

{{- define "mlendpoints.subjects" -}}
- kind: ServiceAccount
  name: {{ .Values.serviceAccount.name }}
  namespace: {{ .Release.Namespace }}
{{- end }}
