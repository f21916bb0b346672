package chart

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"sigs.k8s.io/yaml"
)

// changes are other values than the defaults. Those behind the first are what it has an effect with.
var changes = map[string][]string{
	"image.repository":                   {"image.repository=example.org/mizzen"},
	"image.tag":                          {"image.tag=v1"},
	"image.digest":                       {"image.digest=sha256:" + strings.Repeat("0", 64)},
	"image.pullPolicy":                   {"image.pullPolicy=Never"},
	"image.pullSecrets":                  {"image.pullSecrets={registry}"},
	"replicas":                           {"replicas=3"},
	"autoscaling.enabled":                {"autoscaling.enabled=true"},
	"autoscaling.maxReplicas":            {"autoscaling.maxReplicas=9", "autoscaling.enabled=true"},
	"autoscaling.targetCPU":              {"autoscaling.targetCPU=80", "autoscaling.enabled=true"},
	"resources.requests.cpu":             {"resources.requests.cpu=2"},
	"resources.requests.memory":          {"resources.requests.memory=1Gi"},
	"resources.limits.memory":            {"resources.limits.memory=1Gi"},
	"settings.clusterDomain":             {"settings.clusterDomain=example.internal"},
	"settings.rootNamespace":             {"settings.rootNamespace=istio-root"},
	"settings.defaultRetries":            {"settings.defaultRetries=off"},
	"settings.emptyServiceGrace":         {"settings.emptyServiceGrace=1m30s"},
	"settings.maxStreams":                {"settings.maxStreams=12000000"},
	"settings.logLevel":                  {"settings.logLevel=debug"},
	"settings.clusterId":                 {"settings.clusterId=a"},
	"settings.network":                   {"settings.network=n"},
	"settings.remoteClusters":            {"settings.remoteClusters=secrets"},
	"identity.mode":                      {"identity.mode=claim"},
	"identity.trustDomain":               {"identity.trustDomain=example.internal"},
	"identity.trustDomainAliases":        {"identity.trustDomainAliases=b.example"},
	"identity.tokenAudience":             {"identity.tokenAudience=example.org"},
	"tls.enabled":                        {"tls.enabled=true"},
	"tls.secretName":                     {"tls.secretName=other", "tls.enabled=true"},
	"tls.clientCertificates":             {"tls.clientCertificates=true", "tls.enabled=true"},
	"tls.certManager.enabled":            {"tls.certManager.enabled=true", "tls.enabled=true"},
	"tls.certManager.issuer.name":        {"tls.certManager.issuer.name=company", "tls.enabled=true", "tls.certManager.enabled=true"},
	"tls.certManager.issuer.kind":        {"tls.certManager.issuer.kind=ClusterIssuer", "tls.enabled=true", "tls.certManager.enabled=true", "tls.certManager.issuer.name=company"},
	"injection.enabled":                  {"injection.enabled=false"},
	"injection.transport":                {"injection.transport=plaintext", "tls.enabled=true"},
	"injection.service":                  {"injection.service=mizzen-replicas"},
	"injection.fallback":                 {"injection.fallback=mizzen.b.example"},
	"injection.authorities":              {"injection.authorities=-----BEGIN CERTIFICATE-----", "tls.enabled=true"},
	"injection.identity":                 {"injection.identity=podcertificate"},
	"injection.agent.from":               {"injection.agent.from=image"},
	"injection.agent.image":              {"injection.agent.image=example.org/mizzen:v1"},
	"injection.agent.jar":                {"injection.agent.jar=/opt/agent.jar", "injection.agent.from=own"},
	"signer.enabled":                     {"signer.enabled=true"},
	"signer.replicas":                    {"signer.replicas=3", "signer.enabled=true"},
	"signer.leafLifetime":                {"signer.leafLifetime=1h30m", "signer.enabled=true"},
	"signer.resources.requests.cpu":      {"signer.resources.requests.cpu=2", "signer.enabled=true"},
	"signer.resources.requests.memory":   {"signer.resources.requests.memory=1Gi", "signer.enabled=true"},
	"signer.resources.limits.memory":     {"signer.resources.limits.memory=1Gi", "signer.enabled=true"},
	"signer.extraArgs":                   {"signer.extraArgs={--workers=32}", "signer.enabled=true"},
	"warnings.enabled":                   {"warnings.enabled=false"},
	"warnings.deny":                      {"warnings.deny=true"},
	"rbac.aggregate":                     {"rbac.aggregate=false"},
	"networkPolicy.enabled":              {"networkPolicy.enabled=false"},
	"networkPolicy.nodeCIDRs":            {"networkPolicy.nodeCIDRs={10.0.0.0/8,fd00::/8}"},
	"monitoring.namespace":               {"monitoring.namespace=observe"},
	"monitoring.serviceMonitor.enabled":  {"monitoring.serviceMonitor.enabled=true"},
	"monitoring.serviceMonitor.labels":   {"monitoring.serviceMonitor.labels.release=prometheus", "monitoring.serviceMonitor.enabled=true"},
	"monitoring.serviceMonitor.interval": {"monitoring.serviceMonitor.interval=15s", "monitoring.serviceMonitor.enabled=true"},
	"monitoring.alerts.enabled":          {"monitoring.alerts.enabled=true"},
	"monitoring.alerts.labels":           {"monitoring.alerts.labels.release=prometheus", "monitoring.alerts.enabled=true"},
	"monitoring.dashboard.enabled":       {"monitoring.dashboard.enabled=true"},
	"monitoring.dashboard.labels.grafana_dashboard": {
		"monitoring.dashboard.labels.grafana_dashboard=yes", "monitoring.dashboard.enabled=true",
	},
	"nodeSelector":      {"nodeSelector.pool=system"},
	"tolerations":       {"tolerations[0].operator=Exists"},
	"affinity":          {"affinity.nodeAffinity.x=y"},
	"priorityClassName": {"priorityClassName=system-cluster-critical"},
	"stateClaim":        {"stateClaim=mizzen-state"},
	"podAnnotations":    {"podAnnotations.team=mesh"},
	"podLabels":         {"podLabels.team=mesh"},
	"env":               {"env[0].name=GOGC,env[0].value=200"},
	"extraArgs":         {"extraArgs={--max-streams-per-client=10}"},
}

func defaults(t *testing.T) map[string]any {
	t.Helper()
	var values map[string]any
	if err := yaml.UnmarshalStrict(read(t, chartDir+"/values.yaml"), &values); err != nil {
		t.Fatal(err)
	}
	return values
}

// leaves calls visit for each value that has no parts, by its path.
func leaves(values map[string]any, prefix string, visit func(path string, value any)) {
	for key, value := range values {
		if parts, ok := value.(map[string]any); ok && len(parts) > 0 {
			leaves(parts, prefix+key+".", visit)
		} else {
			visit(prefix+key, value)
		}
	}
}

// TestEveryValueHasAnEffect changes the values one by one.
func TestEveryValueHasAnEffect(t *testing.T) {
	known := map[string]bool{}
	leaves(defaults(t), "", func(path string, _ any) { known[path] = true })
	for path := range changes {
		if !known[path] {
			t.Errorf("%s is no value of the chart", path)
		}
	}
	for path := range known {
		t.Run(path, func(t *testing.T) {
			change := changes[path]
			if change == nil {
				t.Fatal("there is no change of this value: add one to changes")
			}
			var made []objects
			for _, helm := range slices.Sorted(maps.Keys(helms)) {
				before, after := rendered(t, helm, sets(t, change[1:]...)), rendered(t, helm, sets(t, change...))
				if cmp.Equal(before, after) {
					t.Errorf("%s: %s has no effect", helm, change[0])
				}
				made = append(made, after)
			}
			if diff := cmp.Diff(made[0], made[1]); diff != "" {
				t.Errorf("Helm 3 and 4 differ (-3 +4):\n%s", diff)
			}
		})
	}
}

// TestSettings: each setting of the manifests is a value with the same default, which becomes the same setting.
func TestSettings(t *testing.T) {
	values, settings := defaults(t), 0
	for line := range strings.Lines(string(read(t, manifests+"/base/settings.env"))) {
		name, want, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		settings++
		key := camel(name)
		path := "settings." + key
		got, found := field(values, "settings")[key]
		if !found {
			path = "identity." + key
			got, found = field(values, "identity")[key]
		}
		if !found || fmt.Sprint(got) != want {
			t.Errorf("%s: got the value %v, want %s", name, got, want)
			continue
		}
		_, changed, _ := strings.Cut(changes[path][0], "=")
		for helm := range helms {
			data := field(rendered(t, helm, sets(t, changes[path]...))["ConfigMap "+home+"/mizzen-settings"], "data")
			if data[name] != changed {
				t.Errorf("%s: got %s=%v, want %s", helm, name, data[name], changed)
			}
		}
	}
	if settings == 0 {
		t.Error("settings.env has no settings")
	}
}

// camel is the name of a variable as that of a value: MAX_STREAMS is maxStreams.
func camel(name string) string {
	words := strings.Split(strings.ToLower(name), "_")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

// TestTypingErrors: a key that is not known is refused wherever it is, by its path and name.
func TestTypingErrors(t *testing.T) {
	// free are the maps whose keys are the user's.
	free := []string{"resources.requests", "resources.limits", "signer.resources.requests", "signer.resources.limits", "monitoring.dashboard.labels"}
	paths := map[string]bool{"": true}
	var find func(values map[string]any, prefix string)
	find = func(values map[string]any, prefix string) {
		for key, value := range values {
			if parts, ok := value.(map[string]any); ok && len(parts) > 0 && !slices.Contains(free, prefix+key) {
				paths[prefix+key+"."] = true
				find(parts, prefix+key+".")
			}
		}
	}
	find(defaults(t), "")
	if len(paths) < 10 {
		t.Errorf("got %d places, want more", len(paths))
	}
	for path := range paths {
		for helm, render := range helms {
			_, err := render(sets(t, path+"typo=true"), "mizzen", home)
			if err == nil || !strings.Contains(err.Error(), "/"+strings.Trim(strings.ReplaceAll(path, ".", "/"), "/")+"'") && path != "" ||
				!strings.Contains(err.Error(), "typo") {
				t.Errorf("%s: --set %stypo=true: got %v, want an error with path and name", helm, path, err)
			}
		}
	}
}

// TestRefusedValues: what cannot be, and what would have no effect.
func TestRefusedValues(t *testing.T) {
	for set, want := range map[string]string{
		"replicas=0":                                        "/replicas",
		"replicas=many":                                     "/replicas",
		"settings.logLevel=loud":                            "value must be one of 'debug', 'info', 'warn', 'error'",
		"settings.defaultRetries=false":                     "/settings/defaultRetries",
		"settings.emptyServiceGrace=10":                     "/settings/emptyServiceGrace",
		"settings.clusterDomain=Cluster.Local.":             "/settings/clusterDomain",
		"identity.mode=auto":                                "value must be one of 'proof', 'claim'",
		"identity.tokenAudience=":                           "/identity/tokenAudience",
		"tls=null":                                          "tls",
		"tls.enabled=maybe":                                 "/tls/enabled",
		"image.digest=v1":                                   "/image/digest",
		"networkPolicy.nodeCIDRs={10.0.0.1}":                "/networkPolicy/nodeCIDRs/0",
		"extraArgs={serve}":                                 "/extraArgs/0",
		"signer.replicas=0":                                 "/signer/replicas",
		"signer.leafLifetime=24":                            "/signer/leafLifetime",
		"signer.extraArgs={sign}":                           "/signer/extraArgs/0",
		"injection.transport=tls":                           "injection.transport is tls, but Mizzen serves no TLS. Set tls.enabled=true.",
		"injection.authorities=-----BEGIN CERTIFICATE-----": "injection.authorities has no effect without TLS",
		"tls.enabled=true,injection.authorities=ca.crt":     "injection.authorities is not PEM",
		"tls.enabled=true,injection.enabled=false,injection.transport=tls": "injection.transport has no effect without injection",
		"injection.identity=off": "value must be one of 'none', 'podcertificate', 'csi'",
		"injection.enabled=false,injection.fallback=mizzen.b.example":          "injection.fallback has no effect without injection",
		"injection.fallback=mizzen.b.example:15010":                            "injection/fallback",
		"injection.enabled=false,injection.identity=csi":                       "injection.identity has no effect without injection",
		"injection.agent.from=volume":                                          "value must be one of 'init', 'image', 'own'",
		"injection.agent.from=own,injection.agent.image=example.org/mizzen:v1": "injection.agent.image has no effect",
		"injection.agent.jar=/opt/agent.jar":                                   "injection.agent.jar is a path in the application's image",
		"injection.agent.jar=agent.jar":                                        "/injection/agent/jar",
		"tls.clientCertificates=true":                                          "tls.clientCertificates has no effect without TLS",
		"tls.certManager.enabled=true":                                         "tls.certManager has no effect without TLS",
		"tls.enabled=true,tls.certManager.issuer.name=company":                 "tls.certManager.issuer has no effect without cert-manager",
		"warnings.enabled=false,warnings.deny=true":                            "warnings.deny has no effect without warnings",
		"networkPolicy.enabled=false,networkPolicy.nodeCIDRs={10.0.0.0/8}":     "networkPolicy.nodeCIDRs has no effect without the policy",
		"replicas=7,autoscaling.enabled=true":                                  "autoscaling.maxReplicas is 6, which is less than replicas, 7",
	} {
		for helm, render := range helms {
			if _, err := render(sets(t, set), "mizzen", home); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: --set %s: got %v, want %q", helm, set, err, want)
			}
		}
	}
}

// TestInjection: what pods are injected with fits the values.
func TestInjection(t *testing.T) {
	for name, test := range map[string]struct {
		sets      []string
		transport string
		text      string
	}{
		"plaintext":            {nil, "plaintext", `"mizzen.mizzen-system.svc:15010"`},
		"TLS":                  {[]string{"tls.enabled=true"}, "tls", `"mizzen.mizzen-system.svc:15012"`},
		"plaintext beside TLS": {[]string{"tls.enabled=true", "injection.transport=plaintext"}, "plaintext", `"mizzen.mizzen-system.svc:15010"`},
		"every replica":        {[]string{"injection.service=mizzen-replicas"}, "plaintext", `"mizzen-replicas.mizzen-system.svc:15010"`},
	} {
		for helm := range helms {
			all := rendered(t, helm, sets(t, test.sets...))
			data := field(all["ConfigMap "+home+"/mizzen-injection"], "data")
			if text, _ := data[test.transport+".json"].(string); data["transport"] != test.transport || !strings.Contains(text, test.text) {
				t.Errorf("%s, %s: got transport %v and\n%s\nwant %s and %s", helm, name, data["transport"], text, test.transport, test.text)
			}
		}
	}
	for helm := range helms {
		policy := fmt.Sprint(rendered(t, helm, sets(t, changes["identity.tokenAudience"]...))["MutatingAdmissionPolicy <nil>/mizzen-injection"])
		if !strings.Contains(policy, `"audience": dyn("example.org")`) {
			t.Errorf("%s: pods are injected with tokens for another audience:\n%s", helm, policy)
		}
	}
}

// TestMonitoring: the objects for the Prometheus operator and Grafana contain the files for those without them.
func TestMonitoring(t *testing.T) {
	var alerts map[string]any
	if err := yaml.Unmarshal(read(t, manifests+"/monitoring/alerts.yaml"), &alerts); err != nil {
		t.Fatal(err)
	}
	dashboards := map[string]string{"mizzen.json": "dashboard.json", "mizzen-mesh.json": "mesh.json", "mizzen-latency.json": "latency.json"}
	for helm := range helms {
		all := rendered(t, helm, sets(t, "monitoring.alerts.enabled=true", "monitoring.dashboard.enabled=true", "monitoring.serviceMonitor.enabled=true"))
		if diff := cmp.Diff(alerts, field(all["PrometheusRule "+home+"/mizzen"], "spec")); diff != "" {
			t.Errorf("%s: alerts (-file +rule):\n%s", helm, diff)
		}
		for key, file := range dashboards {
			if diff := cmp.Diff(string(read(t, manifests+"/monitoring/"+file)), field(all["ConfigMap "+home+"/mizzen-dashboard"], "data")[key]); diff != "" {
				t.Errorf("%s: %s (-file +ConfigMap):\n%s", helm, key, diff)
			}
		}
		// The job that scrape.yaml defines, and which alerts and dashboard ask for.
		want := map[string]any{
			"selector": map[string]any{"matchLabels": map[string]any{"app.kubernetes.io/name": "mizzen"}},
			"endpoints": []any{map[string]any{
				"port": "metrics", "relabelings": []any{map[string]any{"targetLabel": "job", "replacement": "mizzen"}},
			}},
		}
		if diff := cmp.Diff(want, field(all["ServiceMonitor "+home+"/mizzen"], "spec")); diff != "" {
			t.Errorf("%s: ServiceMonitor (-want +got):\n%s", helm, diff)
		}
	}
}

// TestNotes: each text says how to go on, in the namespace of the release.
func TestNotes(t *testing.T) {
	for name, test := range map[string]struct {
		sets  []string
		want  []string
		never []string
	}{
		"dev":                 {nil, []string{"kubectl label namespace NAMESPACE mizzen.dev/inject=enabled"}, []string{"ca.crt", "Secret"}},
		"TLS":                 {[]string{"tls.enabled=true"}, []string{"once the Secret mizzen-tls exists", "upgrade control CHART --reuse-values --set-file injection.authorities=ca.crt"}, []string{"mizzen-authority"}},
		"cert-manager":        {[]string{"tls.enabled=true", "tls.certManager.enabled=true"}, []string{"-n mesh get secret mizzen-authority"}, []string{"once the Secret"}},
		"another issuer":      {changes["tls.certManager.issuer.name"], []string{"--set-file injection.authorities"}, []string{"mizzen-authority"}},
		"all that is there":   {[]string{"tls.enabled=true", "injection.authorities=-----BEGIN CERTIFICATE-----"}, nil, []string{"--set-file"}},
		"the signer":          {[]string{"signer.enabled=true", "identity.trustDomain=example.org"}, []string{"controlplane authority create --mizzen-namespace mesh --trust-domain example.org"}, nil},
		"no signer":           {nil, nil, []string{"authority create"}},
		"no injection":        {[]string{"injection.enabled=false"}, []string{"controlplane bootstrap --server-uri mizzen.mesh.svc:15010"}, []string{"mizzen.dev/inject"}},
		"no injection, TLS":   {[]string{"injection.enabled=false", "tls.enabled=true"}, nil, []string{"injection.authorities"}},
		"every other release": {nil, []string{"kubectl -n mesh rollout status", "--mizzen-namespace mesh", "Mizzen ghcr.io/mizzen-mesh/controlplane:"}, []string{home}},
	} {
		for helm, render := range helms {
			texts, err := render(sets(t, test.sets...), "control", "mesh")
			if err != nil {
				t.Fatal(err)
			}
			notes := texts["mizzen/templates/NOTES.txt"]
			for _, want := range test.want {
				if !strings.Contains(notes, want) {
					t.Errorf("%s, %s: the notes do not have %q:\n%s", helm, name, want, notes)
				}
			}
			for _, never := range append(test.never, "<no value>", "\n\n\n") {
				if strings.Contains(notes, never) {
					t.Errorf("%s, %s: the notes have %q:\n%s", helm, name, never, notes)
				}
			}
		}
	}
}

// TestLint is `helm lint`, for both files of values.
func TestLint(t *testing.T) {
	for _, values := range []map[string]any{nil, sets(t, "values-production.yaml")} {
		for _, m := range lint.RunAll(chartDir, values, home).Messages {
			if m.Severity > support.InfoSev {
				t.Errorf("%v", m)
			}
		}
	}
}
