{{- /* Every setting of the operator; docs/reference/settings.md explains them. */}}
{{- define "mlendpoints.env" -}}
- {name: MLENDPOINTS_MODEL_INIT_IMAGE, value: {{ printf "%s/model-init:%s" (include "mlendpoints.registry" .) (include "mlendpoints.tag" .) | quote }}}
- {name: MLENDPOINTS_NGINX_IMAGE, value: {{ printf "%s/nginx:%s" (include "mlendpoints.registry" .) (include "mlendpoints.tag" .) | quote }}}
- {name: MLENDPOINTS_SHIPPER_IMAGE, value: {{ printf "%s/shipper:%s" (include "mlendpoints.registry" .) (include "mlendpoints.tag" .) | quote }}}
- {name: MLENDPOINTS_IMAGE_PULL_POLICY, value: {{ .Values.images.pullPolicy | quote }}}
{{- with .Values.nginx.resources }}
- {name: MLENDPOINTS_NGINX_RESOURCES, value: {{ toJson . | quote }}}
{{- end }}
{{- with .Values.modelInit.resources }}
- {name: MLENDPOINTS_MODEL_INIT_RESOURCES, value: {{ toJson . | quote }}}
{{- end }}
{{- with .Values.recorder.image }}
- {name: MLENDPOINTS_RECORDER_IMAGE, value: {{ . | quote }}}
{{- end }}
{{- with .Values.fluentBit.image }}
- {name: MLENDPOINTS_FLUENT_BIT_IMAGE, value: {{ . | quote }}}
{{- end }}
{{- with .Values.fluentBit.resources }}
- {name: MLENDPOINTS_FLUENT_BIT_RESOURCES, value: {{ toJson . | quote }}}
{{- end }}
- {name: MLENDPOINTS_GATEWAY_SERVICE, value: {{ .Values.gateway.service | quote }}}
{{- with .Values.gateway.selector }}
- {name: MLENDPOINTS_GATEWAY_SELECTOR, value: {{ toJson . | quote }}}
{{- end }}
- {name: MLENDPOINTS_GATEWAY_DOMAIN, value: {{ .Values.gateway.domain | quote }}}
- {name: MLENDPOINTS_GATEWAY_HOSTS, value: {{ .Values.gateway.hosts | toJson | quote }}}
- {name: MLENDPOINTS_HOST_GRACE_SECONDS, value: {{ .Values.gateway.hostGraceSeconds | quote }}}
- {name: MLENDPOINTS_HTTP_PORT, value: {{ .Values.gateway.httpPort | quote }}}
- {name: MLENDPOINTS_HTTPS_PORT, value: {{ .Values.gateway.httpsPort | quote }}}
{{- with .Values.gateway.urlPort }}
- {name: MLENDPOINTS_URL_PORT, value: {{ . | quote }}}
{{- end }}
- {name: MLENDPOINTS_RETRY_ATTEMPTS, value: {{ .Values.gateway.retryAttempts | quote }}}
- {name: MLENDPOINTS_TLS_CREDENTIALS, value: {{ .Values.tlsCredentials | toJson | quote }}}
- {name: MLENDPOINTS_PROOF, value: {{ .Values.proof.mode | quote }}}
- {name: MLENDPOINTS_PROOF_SECONDS, value: {{ .Values.proof.seconds | quote }}}
- {name: MLENDPOINTS_DRAIN_SECONDS, value: {{ .Values.drainSeconds | quote }}}
- {name: MLENDPOINTS_ALLOWED_PATH_PREFIXES, value: {{ join "," .Values.allowedPathPrefixes | quote }}}
- {name: MLENDPOINTS_FETCH_ALLOWED_ADDRESSES, value: {{ join "," .Values.fetch.allowedAddresses | quote }}}
- {name: MLENDPOINTS_FETCH_HTTP_PROXY, value: {{ .Values.fetch.httpProxy | quote }}}
- {name: MLENDPOINTS_FETCH_HTTPS_PROXY, value: {{ .Values.fetch.httpsProxy | quote }}}
- {name: MLENDPOINTS_FETCH_NO_PROXY, value: {{ .Values.fetch.noProxy | quote }}}
- {name: MLENDPOINTS_FETCH_CA_CONFIG_MAP, value: {{ .Values.fetch.caConfigMap | quote }}}
{{- if ne .Values.networkPolicy.models "ignore" }}
- {name: MLENDPOINTS_NETWORK_POLICIES, value: {{ .Values.networkPolicy.models | quote }}}
- {name: MLENDPOINTS_METRICS_FROM, value: {{ .Values.networkPolicy.metricsFrom | toJson | quote }}}
{{- end }}
{{- with .Values.monitoring.url }}
- {name: MLENDPOINTS_MONITORING_URL, value: {{ . | quote }}}
{{- end }}
- {name: MLENDPOINTS_POD_MONITORS, value: {{ .Values.monitoring.podMonitors | quote }}}
{{- with .Values.monitoring.podMonitorLabels }}
- {name: MLENDPOINTS_POD_MONITOR_LABELS, value: {{ toJson . | quote }}}
{{- end }}
{{- with .Values.monitoring.scrapeSeconds }}
- {name: MLENDPOINTS_SCRAPE_SECONDS, value: {{ . | quote }}}
{{- end }}
- {name: MLENDPOINTS_NAMESPACES, value: {{ join "," .Values.watchNamespaces | quote }}}
- {name: MLENDPOINTS_WORKERS, value: {{ .Values.workers | quote }}}
- {name: MLENDPOINTS_LOG_LEVEL, value: {{ .Values.logLevel | quote }}}
- name: MLENDPOINTS_LEASE_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
{{- end }}
