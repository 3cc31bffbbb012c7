{{- define "mlendpoints.selector" -}}
app.kubernetes.io/name: mlendpoints
app.kubernetes.io/component: operator
{{- end }}

{{- define "mlendpoints.labels" -}}
{{ include "mlendpoints.selector" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: mlendpoints
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "mlendpoints.tag" -}}
{{ .Values.images.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "mlendpoints.registry" -}}
{{ required "images.registry is required: where `make push` put the images, such as registry.example.com/team" .Values.images.registry }}
{{- end }}

{{- define "mlendpoints.username" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ .Values.serviceAccount.name }}
{{- end }}
