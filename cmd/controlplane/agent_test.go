package main

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// jarOf returns a jar with a manifest and a file.
func jarOf(t *testing.T, manifest string) []byte {
	t.Helper()
	var jar bytes.Buffer
	w := zip.NewWriter(&jar)
	for name, text := range map[string]string{"META-INF/MANIFEST.MF": manifest, "a/B.class": strings.Repeat("byte code ", 50)} {
		file, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = file.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return jar.Bytes()
}

func TestCopyAgent(t *testing.T) {
	good := jarOf(t, "Manifest-Version: 1.0\r\nPremain-Class: dev.mizzen.agent.Agent\r\n")
	for name, test := range map[string]struct {
		jar  []byte // nil: there is none
		want string // part of the error; empty: there is none
	}{
		"an agent":                {jar: good},
		"there is no agent":       {want: "this program was installed without it, and in a clone make agent builds it: open "},
		"an empty file":           {jar: []byte{}, want: "mizzen-agent.jar is damaged: zip: not a valid zip file"},
		"half of it":              {jar: good[:len(good)/2], want: "is damaged: zip: not a valid zip file"},
		"a byte is another":       {jar: bytes.Replace(good, []byte("byte code byte"), []byte("byte codE byte"), 1), want: "is damaged: a/B.class: zip: checksum error"},
		"a jar without the entry": {jar: jarOf(t, "Manifest-Version: 1.0\r\n"), want: "is damaged: its manifest has no Premain-Class"},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := filepath.Join(t.TempDir(), agentJar), t.TempDir()
			if test.jar != nil {
				if err := os.WriteFile(from, test.jar, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			old := filepath.Join(to, agentJar)
			if err := os.WriteFile(old, []byte("an older agent"), 0o600); err != nil {
				t.Fatal(err)
			}
			path, err := copyAgent(from, to)
			left, globErr := filepath.Glob(to + "/*")
			if globErr != nil || len(left) != 1 {
				t.Errorf("got the files %v, want only the agent", left)
			}
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want %q", err, test.want)
				}
				if got, err := os.ReadFile(old); err != nil || string(got) != "an older agent" {
					t.Errorf("got %q and %v, want the older agent", got, err)
				}
				return
			}
			if err != nil || path != old {
				t.Fatalf("got %q and %v, want %q", path, err, old)
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, test.jar) {
				t.Errorf("got %d bytes and %v, want the jar", len(got), err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
				t.Errorf("got %v and %v, want a file that all may read", info.Mode(), err)
			}
		})
	}
}

// TestAgentCopyCommand: the test binary has no agent beside it, and the directory may be missing.
func TestAgentCopyCommand(t *testing.T) {
	if got := command(t.Context(), "", "agent", "copy", t.TempDir()); got.code != exitFailure || !strings.Contains(got.err, "copy the Java agent: this program was installed without it, and in a clone make agent builds it: open ") {
		t.Errorf("got %+v", got)
	}
	for _, args := range [][]string{{"agent", "copy"}, {"agent", "copy", "a", "b"}} {
		if got := command(t.Context(), "", args...); got.code != exitUsage || !strings.Contains(got.err, "name one directory") {
			t.Errorf("%v: got %+v", args, got)
		}
	}
	if _, err := copyAgent(os.Args[0], filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "no such file or directory") {
		t.Errorf("got %v, want an error about the directory", err)
	}
}
