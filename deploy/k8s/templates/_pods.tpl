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
{{- end }}
