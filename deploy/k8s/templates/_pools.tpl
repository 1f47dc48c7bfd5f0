{{/* {root, name}: the settings of a pool, its own before those of `worker`, as JSON. */}}
{{- define "cogfleet.pool" -}}
{{- $own := index .root.Values.pools .name -}}
{{- mergeOverwrite (deepCopy .root.Values.worker) (deepCopy $own) | toJson -}}
{{- end }}

{{- define "cogfleet.pool.selector" -}}
{{ include "cogfleet.selector" .root }}
app.kubernetes.io/component: worker
cogfleet.io/pool: {{ .name }}
{{- end }}

{{/* {root, name, pool}: the template of a worker's pod. */}}
{{- define "cogfleet.pool.template" -}}
{{- $root := .root }}
{{- $pool := .pool }}
{{- $isGpu := ne $pool.device "cpu" }}
{{- $selector := include "cogfleet.pool.selector" . | fromYaml }}
metadata:
  labels:
    {{- include "cogfleet.labels" $root | nindent 4 }}
    app.kubernetes.io/component: worker
    cogfleet.io/pool: {{ .name }}
    {{- with $pool.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- with $pool.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "cogfleet.fullname" $root }}-worker
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ $pool.terminationGracePeriodSeconds }}
  securityContext: {{- include "cogfleet.podSecurity" $root | nindent 4 }}
  {{- with $pool.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- include "cogfleet.placement" (dict "root" $root "settings" $pool "labels" $selector) | nindent 2 }}
  {{- with $pool.initContainers }}
  initContainers: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: worker
      image: {{ include "cogfleet.image" (dict "root" $root "image" $pool.image "suffix" (ternary "-cuda" "-cpu" (hasPrefix "cuda" $pool.device))) }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      securityContext: {{- include "cogfleet.containerSecurity" $root | nindent 8 }}
      args:
        {{- include "cogfleet.serverArgs" $root | nindent 8 }}
        - {{ printf "--coordinator=%v" (include "cogfleet.coordinator.fleetAddress" $root) | quote }}
        - {{ printf "--model=%v" $pool.model | quote }}
        - {{ printf "--device=%v" $pool.device | quote }}
        - {{ printf "--precision=%v" $pool.precision | quote }}
        - {{ printf "--threads=%v" $pool.threads | quote }}
        - {{ printf "--text-encoder=%v" $pool.textEncoder | quote }}
        - {{ printf "--video-encoder=%v" $pool.videoEncoder | quote }}
        - --advertise=$(POD_IP)
        - --exchange-port=7071
        - --http-port=8080
        {{- /* Its own end comes before the kubelet's. */}}
        - {{ printf "--grace-ms=%v" (mul 1000 (max 1 (sub (int $pool.terminationGracePeriodSeconds) 5))) | quote }}
        {{- with $pool.extraArgs }}{{ toYaml . | nindent 8 }}{{ end }}
      env:
        - name: POD_IP
          valueFrom: {fieldRef: {fieldPath: status.podIP}}
        - {name: HOME, value: /tmp}
        {{- with $pool.extraEnv }}{{ toYaml . | nindent 8 }}{{ end }}
      ports:
        - {name: exchange, containerPort: 7071}
        - {name: http, containerPort: 8080}
      startupProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 5
        failureThreshold: {{ max 1 (div (add (int $pool.startupSeconds) 4) 5) }}
      livenessProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 5
        timeoutSeconds: 5
      resources:
        {{- $resources := deepCopy $pool.resources }}
        {{- if $isGpu }}
        {{- $resources = merge (dict "limits" (dict $pool.gpu.resource (int $pool.gpu.count))) $resources }}
        {{- end }}
        {{- toYaml $resources | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: shm, mountPath: /dev/shm}
        {{- include "cogfleet.tlsMount" $root | nindent 8 }}
        {{- if $root.Values.modelCache.enabled }}
        - name: models
          mountPath: {{ $root.Values.modelCache.mountPath }}
          readOnly: {{ $root.Values.modelCache.readOnly }}
        {{- end }}
        {{- with $pool.extraVolumeMounts }}{{ toYaml . | nindent 8 }}{{ end }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: {{ $pool.tmpSize }}}
    - name: shm
      emptyDir: {medium: Memory, sizeLimit: {{ $pool.shmSize }}}
    {{- include "cogfleet.tlsVolume" $root | nindent 4 }}
    {{- if $root.Values.modelCache.enabled }}
    - name: models
      persistentVolumeClaim:
        claimName: {{ $root.Values.modelCache.existingClaim | default (printf "%s-models" (include "cogfleet.fullname" $root)) }}
    {{- end }}
    {{- with $pool.extraVolumes }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end }}
