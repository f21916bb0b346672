package main

import (
	"fmt"
	"runtime/debug"
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	cases := map[string]struct {
		info debug.BuildInfo
		want string
	}{
		"released": {
			debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: "v0.1.0"}},
			"v0.1.0, commit unknown, go1.26.0",
		},
		"from a checkout that was edited": {
			debug.BuildInfo{
				GoVersion: "go1.26.0", Main: debug.Module{Version: "(devel)"},
				Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc123"}, {Key: "vcs.modified", Value: "true"}},
			},
			"unreleased, commit abc123 (modified), go1.26.0",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := buildOf(&c.info).String(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	want := command(t.Context(), "", "version", "--client")
	if want.code != exitOK || !strings.HasPrefix(want.stdout, "controlplane ") || strings.Count(want.stdout, "\n") != 1 {
		t.Errorf("got %+v, want one line that starts with the command's name", want)
	}
	want.stdout = strings.Replace(want.stdout, "controlplane ", "controlplane version ", 1)
	if got := command(t.Context(), "", "--version"); got != want {
		t.Errorf("--version: got %+v, want %+v", got, want)
	}
}

func TestVersionOfReplicas(t *testing.T) {
	own := ownBuild()
	metric := func(version string) map[string][]string {
		return map[string][]string{"/metrics": {fmt.Sprintf("# HELP mizzen_build_info x\nmizzen_build_info{commit=%q,go_version=\"go1.1\",version=%q} 1\n", own.commit, version)}}
	}
	same, other, old, down := adminAt(t, metric(own.version)), adminAt(t, metric("v9.9.9")), adminAt(t, map[string][]string{"/metrics": {"x 1\n"}}), adminAt(t, nil)
	for name, test := range map[string]struct {
		address   string
		code      int
		out, says string
	}{
		"the same":              {same, exitOK, "replica " + same + " " + own.version + ", commit " + own.commit + ", go1.1\n", ""},
		"another":               {other, exitOK, "replica " + other + " v9.9.9, ", "warning: this binary has another version than the control plane"},
		"different":             {same + "," + other, exitOK, "replica " + other, "warning: replicas have different versions: " + same},
		"older than the metric": {old, exitOK, "replica " + old + " unknown", "warning: this binary has another version"},
		"one is down":           {same + "," + down, exitFailure, "replica " + same, "replica " + down},
		"all are down":          {down, exitFailure, "controlplane ", "answers 404"},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", "version", "--address", test.address)
			if got.code != test.code || !strings.Contains(got.stdout, test.out) || !strings.Contains(got.err, test.says) || test.says == "" && strings.Contains(got.err, "warning") {
				t.Errorf("got %+v, want exit code %d, %q and %q", got, test.code, test.out, test.says)
			}
		})
	}
}

// TestVersionOfARunningControlPlane reads the metric that a control plane really has.
func TestVersionOfARunningControlPlane(t *testing.T) {
	s := startServe(t, "--files", demoFolder(t))
	got := command(t.Context(), "", "version", "--address", s.admin, "-o", "json")
	if want := fmt.Sprintf("%q: %q", "version", ownBuild()); got.code != exitOK || !strings.Contains(got.stdout, want) || strings.Contains(got.err, "warning") {
		t.Errorf("got %+v, want %s", got, want)
	}
}
