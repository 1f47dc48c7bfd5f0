{{/* Names, labels and images. Each takes the root context, or a dict with `root` and what it needs besides. */}}

{{- define "cogfleet.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* At most 40 characters, so that what is hung on it stays below Kubernetes' 63. */}}
{{- define "cogfleet.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "cogfleet.selector" -}}
app.kubernetes.io/name: {{ include "cogfleet.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "cogfleet.labels" -}}
{{ include "cogfleet.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* {root, image, suffix}: registry/repository:tag-suffix. */}}
{{- define "cogfleet.image" -}}
{{- $default := printf "%s%s" (.root.Values.image.tag | default .root.Chart.AppVersion) (.suffix | default "") -}}
{{ .root.Values.image.registry }}/{{ .image.repository }}:{{ .image.tag | default $default }}
{{- end }}

{{- define "cogfleet.coordinator.address" -}}
{{ include "cogfleet.fullname" . }}-coordinator.{{ .Release.Namespace }}.svc:{{ .Values.coordinator.service.port }}
{{- end }}

{{/* What workers dial: with several coordinators, a name of all of them. */}}
{{- define "cogfleet.coordinator.fleetAddress" -}}
{{- if eq .Values.mode "embedded" -}}
{{ include "cogfleet.coordinator.address" . }}
{{- else -}}
{{ include "cogfleet.fullname" . }}-coordinators.{{ .Release.Namespace }}.svc:7070
{{- end }}
{{- end }}

{{- define "cogfleet.coordinator.serviceAccount" -}}
{{- .Values.coordinator.serviceAccount.name | default (printf "%s-coordinator" (include "cogfleet.fullname" .)) }}
{{- end }}

{{/* {constraints, labels}: the constraints, each with a selector. */}}
{{- define "cogfleet.spread" -}}
{{- $constraints := list -}}
{{- range .constraints -}}
{{- $constraints = append $constraints (merge (dict) . (dict "labelSelector" (dict "matchLabels" $.labels))) -}}
{{- end -}}
{{ toYaml $constraints }}
{{- end }}
