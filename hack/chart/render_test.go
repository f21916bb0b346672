package chart

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	helm3loader "helm.sh/helm/v3/pkg/chart/loader"
	helm3util "helm.sh/helm/v3/pkg/chartutil"
	helm3engine "helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"helm.sh/helm/v4/pkg/strvals"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const (
	manifests = "../../manifests"
	chartDir  = manifests + "/chart"
	home      = "mizzen-system"
)

// helms are the versions of Helm that the chart is for. Each renders it into texts by the names of its templates.
var helms = map[string]func(values map[string]any, release, namespace string) (map[string]string, error){
	"helm 3": func(values map[string]any, release, namespace string) (map[string]string, error) {
		chart, err := helm3loader.LoadDir(chartDir)
		if err != nil {
			return nil, err
		}
		options := helm3util.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}
		all, err := helm3util.ToRenderValues(chart, values, options, helm3util.DefaultCapabilities)
		if err != nil {
			return nil, err
		}
		return helm3engine.Render(chart, all)
	},
	"helm 4": func(values map[string]any, release, namespace string) (map[string]string, error) {
		chart, err := loader.LoadDir(chartDir)
		if err != nil {
			return nil, err
		}
		options := common.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}
		all, err := util.ToRenderValues(chart, values, options, common.DefaultCapabilities)
		if err != nil {
			return nil, err
		}
		return engine.Render(chart, all)
	},
}

// sets parses lines of --set, after the values of a file if the first is the name of one.
func sets(t *testing.T, lines ...string) map[string]any {
	t.Helper()
	values := map[string]any{}
	for _, line := range lines {
		var err error
		if strings.HasSuffix(line, ".yaml") {
			err = yaml.UnmarshalStrict(read(t, filepath.Join(chartDir, line)), &values)
		} else {
			err = strvals.ParseInto(line, values)
		}
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return values
}

// objects are what a rendering or a build consists of, by kind, namespace and name.
type objects map[string]map[string]any

// rendered is what one version of Helm makes of the chart, in the namespace of the manifests.
func rendered(t *testing.T, helm string, values map[string]any) objects {
	t.Helper()
	texts, err := helms[helm](values, "mizzen", home)
	if err != nil {
		t.Fatalf("%s: %v", helm, err)
	}
	return parsed(t, texts)
}

func parsed(t *testing.T, texts map[string]string) objects {
	t.Helper()
	all := objects{}
	for name, text := range texts {
		if !strings.HasSuffix(name, "NOTES.txt") {
			all.add(t, text)
		}
	}
	return all
}

var separator = regexp.MustCompile(`(?m)^---\s*$`)

func (all objects) add(t *testing.T, text string) {
	t.Helper()
	for _, document := range separator.Split(text, -1) {
		var o map[string]any
		if err := yaml.UnmarshalStrict([]byte(document), &o); err != nil {
			t.Fatalf("%v in:\n%s", err, document)
		}
		if o == nil {
			continue
		}
		key := keyOf(o)
		if all[key] != nil {
			t.Fatalf("%s is there twice", key)
		}
		all[key] = o
	}
}

func keyOf(o map[string]any) string {
	meta := o["metadata"].(map[string]any)
	return fmt.Sprint(o["kind"], " ", meta["namespace"], "/", meta["name"])
}

// built is what kustomize makes of a kustomization in a folder that is made for it, with texts as the files 0.yaml, 1.yaml and so on.
func built(t *testing.T, kustomization string, texts ...string) objects {
	t.Helper()
	dir := t.TempDir()
	for i, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.yaml", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(strings.ReplaceAll(kustomization, "MANIFESTS", relative(t, dir))), 0o600); err != nil {
		t.Fatal(err)
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	all := objects{}
	all.add(t, string(text))
	return all
}

// relative is the way from a folder to the manifests: kustomize takes no other.
func relative(t *testing.T, dir string) string {
	t.Helper()
	to, err := filepath.Abs(manifests)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Rel(dir, to)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// field is what is at a path of fields; nil if there is nothing.
func field(o map[string]any, path ...string) map[string]any {
	for _, name := range path {
		o, _ = o[name].(map[string]any)
	}
	return o
}

// forKustomize takes out what Helm does in another way. Helm makes no namespace. It replaces pods for changed settings by an annotation,
// where kustomize gives the ConfigMap another name. And kustomize adds empty lines to folded texts, here expressions.
func forKustomize(t *testing.T, helm, kustomize objects) {
	t.Helper()
	for _, all := range []objects{helm, kustomize} {
		for _, o := range all {
			withoutEmptyLines(o)
		}
	}
	delete(kustomize, "Namespace <nil>/"+home)
	for name, o := range helm {
		if !strings.HasPrefix(name, "Deployment ") {
			continue
		}
		annotations := field(o, "spec", "template", "metadata", "annotations")
		if annotations["checksum/settings"] == nil {
			t.Errorf("%s has no checksum of its settings", name)
		}
		delete(annotations, "checksum/settings")
	}
	for _, name := range []string{"mizzen", "mizzen-signer"} {
		withoutHash(t, kustomize, name)
	}
}

// withoutHash gives the ConfigMap with the settings of a Deployment its name without a hash.
func withoutHash(t *testing.T, kustomize objects, deployment string) {
	t.Helper()
	settings := deployment + "-settings"
	for key, o := range maps.Clone(kustomize) {
		hash, hashed := strings.CutPrefix(key, "ConfigMap "+home+"/"+settings+"-")
		if !hashed {
			continue
		}
		delete(kustomize, key)
		text, err := yaml.Marshal(map[string]any{"settings": o, "deployment": kustomize["Deployment "+home+"/"+deployment]})
		if err != nil {
			t.Fatal(err)
		}
		var renamed map[string]map[string]any
		if err := yaml.Unmarshal([]byte(strings.ReplaceAll(string(text), settings+"-"+hash, settings)), &renamed); err != nil {
			t.Fatal(err)
		}
		kustomize[keyOf(renamed["settings"])] = renamed["settings"]
		kustomize["Deployment "+home+"/"+deployment] = renamed["deployment"]
	}
}

// withoutEmptyLines takes empty lines out of all texts below a value, and returns it.
func withoutEmptyLines(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, part := range v {
			v[key] = withoutEmptyLines(part)
		}
	case []any:
		for i, part := range v {
			v[i] = withoutEmptyLines(part)
		}
	case string:
		return strings.ReplaceAll(v, "\n\n", "\n")
	}
	return value
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
