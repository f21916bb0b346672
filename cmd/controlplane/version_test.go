package main

import (
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
			if got := describe(&c.info); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	want := command(t.Context(), "", "version")
	if want.code != exitOK || !strings.HasPrefix(want.stdout, "controlplane ") || strings.Count(want.stdout, "\n") != 1 {
		t.Errorf("got %+v, want one line that starts with the command's name", want)
	}
	want.stdout = strings.Replace(want.stdout, "controlplane ", "controlplane version ", 1)
	if got := command(t.Context(), "", "--version"); got != want {
		t.Errorf("--version: got %+v, want %+v", got, want)
	}
}
