{{/* What the pods have in common. */}}

{{- define "cogfleet.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "cogfleet.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* {root, settings, labels}: where pods may run. */}}
{{- define "cogfleet.placement" -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .settings.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.topologySpreadConstraints }}
topologySpreadConstraints: {{- include "cogfleet.spread" (dict "constraints" . "labels" $.labels) | nindent 2 }}
{{- end }}
{{- end }}

{{/* The flags that both services have. */}}
{{- define "cogfleet.serverArgs" -}}
- {{ printf "--listen=%v" .Values.listenAddress | quote }}
- {{ printf "--log-level=%v" .Values.logLevel | quote }}
{{- include "cogfleet.tlsArgs" . }}
{{- end }}

{{/* Who knows the files speaks TLS: services and client alike. */}}
{{- define "cogfleet.tlsArgs" -}}
{{- if .Values.tls.enabled }}
- --tls-cert=/etc/cogfleet/tls/tls.crt
- --tls-key=/etc/cogfleet/tls/tls.key
- --tls-ca=/etc/cogfleet/tls/ca.crt
- {{ printf "--tls-server-name=%v" (include "cogfleet.tlsServerName" .) | quote }}
{{- end }}
{{- end }}

{{- define "cogfleet.tlsServerName" -}}
{{ .Values.tls.serverName | default (include "cogfleet.coordinator.address" . | splitList ":" | first) }}
{{- end }}

{{- define "cogfleet.tlsSecret" -}}
{{ .Values.tls.existingSecret | default (printf "%s-tls" (include "cogfleet.fullname" .)) }}
{{- end }}

{{- define "cogfleet.tlsMount" -}}
{{- if .Values.tls.enabled }}
- {name: tls, mountPath: /etc/cogfleet/tls, readOnly: true}
{{- end }}
{{- end }}

{{- define "cogfleet.tlsVolume" -}}
{{- if .Values.tls.enabled }}
- name: tls
  secret: {secretName: {{ include "cogfleet.tlsSecret" . }}, defaultMode: 288} {{- /* 0440 */}}
{{- end }}
{{- end }}
