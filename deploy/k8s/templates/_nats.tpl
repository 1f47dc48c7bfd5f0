{{/* How coordinators reach NATS: the servers of this release, or yours. */}}

{{- define "cogfleet.natsArgs" -}}
- --store=nats
{{- if .Values.nats.enabled }}
- --nats-url=nats://{{ include "nats.fullname" (dict "Release" .Release) }}.{{ .Release.Namespace }}.svc:4222
- {{ printf "--nats-replicas=%v" (.Values.nats.replicas | default 3) | quote }}
{{- else }}
- {{ printf "--nats-url=%s" (join "," .Values.externalNats.urls) | quote }}
- {{ printf "--nats-replicas=%v" .Values.externalNats.replicas | quote }}
- {{ printf "--nats-prefix=%s" .Values.externalNats.prefix | quote }}
{{- with .Values.externalNats.credentialsSecret }}
- --nats-creds=/etc/cogfleet/nats/nats.creds
{{- end }}
{{- with .Values.externalNats.tlsSecret }}
- --nats-tls-ca=/etc/cogfleet/nats-tls/ca.crt
- --nats-tls-cert=/etc/cogfleet/nats-tls/tls.crt
- --nats-tls-key=/etc/cogfleet/nats-tls/tls.key
{{- end }}
{{- end }}
{{- end }}

{{- define "cogfleet.natsEnv" -}}
{{- if .Values.nats.enabled }}
{{- with .Values.nats.auth.existingSecret }}
- name: COGFLEET_NATS_USER
  valueFrom: {secretKeyRef: {name: {{ . }}, key: user}}
- name: COGFLEET_NATS_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ . }}, key: password}}
{{- end }}
{{- end }}
{{- end }}

{{- define "cogfleet.natsMounts" -}}
{{- if not .Values.nats.enabled }}
{{- with .Values.externalNats.credentialsSecret }}
- {name: nats, mountPath: /etc/cogfleet/nats, readOnly: true}
{{- end }}
{{- with .Values.externalNats.tlsSecret }}
- {name: nats-tls, mountPath: /etc/cogfleet/nats-tls, readOnly: true}
{{- end }}
{{- end }}
{{- end }}

{{- define "cogfleet.natsVolumes" -}}
{{- if not .Values.nats.enabled }}
{{- with .Values.externalNats.credentialsSecret }}
- name: nats
  secret: {secretName: {{ . }}, defaultMode: 288}
{{- end }}
{{- with .Values.externalNats.tlsSecret }}
- name: nats-tls
  secret: {secretName: {{ . }}, defaultMode: 288}
{{- end }}
{{- end }}
{{- end }}
