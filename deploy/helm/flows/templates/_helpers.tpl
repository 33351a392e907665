{{- define "flows.labels" -}}
app.kubernetes.io/name: flows
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "flows.secret" -}}
{{ default (printf "%s-secrets" .Release.Name) .Values.secrets.existingSecret }}
{{- end -}}

{{- define "flows.serviceAccount" -}}
{{ default .Release.Name .Values.serviceAccount.name }}
{{- end -}}

{{- define "flows.tag" -}}
{{ default .Chart.AppVersion .Values.images.tag }}
{{- end -}}

{{- define "flows.probes" -}}
startupProbe:
  httpGet: { path: /alive, port: http }
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /alive, port: http }
  periodSeconds: 10
  timeoutSeconds: 4
readinessProbe:
  httpGet: { path: /ready, port: http }
  periodSeconds: 5
  timeoutSeconds: 4
  failureThreshold: 2
{{- end -}}
