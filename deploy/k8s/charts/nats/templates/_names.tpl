{{- define "nats.fullname" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}-nats
{{- end }}

{{- define "nats.selector" -}}
app.kubernetes.io/name: nats
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "nats.labels" -}}
{{ include "nats.selector" . }}
app.kubernetes.io/component: store
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "nats.config" -}}
server_name: $POD_NAME
listen: 0.0.0.0:4222
http: 0.0.0.0:8222
pid_file: /tmp/nats.pid
max_payload: {{ .Values.maxPayload | int64 }}
lame_duck_grace_period: 5s
lame_duck_duration: 30s
jetstream {
  store_dir: /data
  max_memory_store: {{ .Values.maxMemory | trimSuffix "i" }}B
  # What was acknowledged is on disk, whatever happens to the machine.
  sync_interval: always
}
{{- if .Values.auth.existingSecret }}
authorization {
  user: $NATS_USER
  password: $NATS_PASSWORD
}
{{- end }}
{{- if gt (int .Values.replicas) 1 }}
cluster {
  name: {{ include "nats.fullname" . }}
  listen: 0.0.0.0:6222
  routes: [
    {{- range $index := until (int .Values.replicas) }}
    nats://{{ include "nats.fullname" $ }}-{{ $index }}.{{ include "nats.fullname" $ }}.{{ $.Release.Namespace }}.svc:6222
    {{- end }}
  ]
}
{{- end }}
{{- end }}
