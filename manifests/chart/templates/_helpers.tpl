{{- define "mizzen.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{- define "mizzen.transport" -}}
{{ .Values.injection.transport | default (ternary "tls" "plaintext" .Values.tls.enabled) }}
{{- end }}

{{/* A file of the manifests, in the namespace of the release. */}}
{{- define "mizzen.file" -}}
{{ (index . 0).Files.Get (printf "files/%s" (index . 1)) | replace "mizzen-system" (index . 0).Release.Namespace }}
{{- end }}

{{/* What pods are injected with, for the Service that is chosen. */}}
{{- define "mizzen.bootstrap" -}}
{{- $root := index . 0 -}}
{{- $text := $root.Files.Get (printf "files/%s" (index . 1)) -}}
{{- if $root.Values.injection.fallback -}}
{{- $entry := regexFind "(?s)    \\{\n      \"server_uri\".*?\n    \\}" $text -}}
{{- $second := $entry | replace "mizzen.mizzen-system.svc" (printf "mizzen-fallback.%s.svc" $root.Release.Namespace) -}}
{{- $text = $text | replace $entry (printf "%s,\n%s" $entry $second) -}}
{{- end -}}
{{ $text | replace "mizzen.mizzen-system.svc" (printf "%s.%s.svc" $root.Values.injection.service $root.Release.Namespace) }}
{{- end }}

{{/* The settings of the signer, as the environment of its container. */}}
{{- define "mizzen.signer" -}}
LEAF_LIFETIME: {{ .Values.signer.leafLifetime | quote }}
LOG_LEVEL: {{ .Values.settings.logLevel | quote }}
TRUST_DOMAIN: {{ .Values.identity.trustDomain | quote }}
{{- end }}

{{/* The settings, as the environment of the container. */}}
{{- define "mizzen.settings" -}}
{{- with .Values.settings -}}
CLUSTER_DOMAIN: {{ .clusterDomain | quote }}
CLUSTER_ID: {{ .clusterId | quote }}
DEFAULT_RETRIES: {{ .defaultRetries | quote }}
EMPTY_SERVICE_GRACE: {{ .emptyServiceGrace | quote }}
LOG_LEVEL: {{ .logLevel | quote }}
MAX_STREAMS: {{ .maxStreams | int64 | quote }}
NETWORK: {{ .network | quote }}
REMOTE_CLUSTERS: {{ .remoteClusters | quote }}
ROOT_NAMESPACE: {{ .rootNamespace | quote }}
{{- end }}
TOKEN_AUDIENCE: {{ .Values.identity.tokenAudience | quote }}
TRUST_DOMAIN: {{ .Values.identity.trustDomain | quote }}
TRUST_DOMAIN_ALIASES: {{ .Values.identity.trustDomainAliases | quote }}
{{- end }}
