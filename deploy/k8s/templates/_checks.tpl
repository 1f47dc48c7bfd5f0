{{/* What values.schema.json cannot say: values that do not fit each other. Fails with every problem. */}}
{{- define "cogfleet.checks" -}}
{{- $problems := list }}
{{- with .Values.coordinator }}
{{- if lt (int .leaseMs) (mul 3 .heartbeatMs) }}
{{- $problems = append $problems (printf "coordinator.leaseMs of %d must be at least 3 times coordinator.heartbeatMs of %d" (int .leaseMs) (int .heartbeatMs)) }}
{{- end }}
{{- if and (not .serviceAccount.create) (not .serviceAccount.name) }}
{{- $problems = append $problems "coordinator.serviceAccount.name must be given when coordinator.serviceAccount.create is false" }}
{{- end }}
{{- end }}
{{- if and (eq .Values.mode "nats") (eq .Values.nats.enabled (not (empty .Values.externalNats.urls))) }}
{{- $problems = append $problems "mode nats needs one of nats.enabled and externalNats.urls, and not both" }}
{{- end }}
{{- if and (eq .Values.mode "embedded") .Values.nats.enabled }}
{{- $problems = append $problems "nats.enabled needs mode nats" }}
{{- end }}
{{- with .Values.tls }}
{{- if and .enabled (eq (empty .existingSecret) (not .certManager.enabled)) }}
{{- $problems = append $problems "tls.enabled needs one of tls.existingSecret and tls.certManager.enabled, and not both" }}
{{- end }}
{{- if and .certManager.enabled (not .enabled) }}
{{- $problems = append $problems "tls.certManager.enabled needs tls.enabled" }}
{{- end }}
{{- if and .certManager.enabled (not .certManager.issuerRef.name) }}
{{- $problems = append $problems "tls.certManager.issuerRef.name must be given when tls.certManager.enabled is true" }}
{{- end }}
{{- end }}
{{- range $name, $own := .Values.pools }}
{{- if $own | kindIs "map" }}
{{- with include "cogfleet.pool" (dict "root" $ "name" $name) | fromJson }}
{{- if and .autoscaling.enabled (gt .autoscaling.minReplicas .autoscaling.maxReplicas) }}
{{- $problems = append $problems (printf "pools.%s.autoscaling.minReplicas of %d must not be above maxReplicas of %d" $name (int .autoscaling.minReplicas) (int .autoscaling.maxReplicas)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if $problems }}
{{- fail (printf "\n- %s" (join "\n- " $problems)) }}
{{- end }}
{{- end }}
