package main

import (
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

func TestMemoryLimit(t *testing.T) {
	const self = "proc/self/cgroup"
	tests := map[string]struct {
		files map[string]string
		want  int64
	}{
		"no control groups":     {},
		"version 2":             {map[string]string{self: "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "536870912\n"}, 512 << 20},
		"version 2, no limit":   {map[string]string{self: "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 0},
		"the one around it":     {map[string]string{self: "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "1048576\n"}, 1 << 20},
		"the lesser of the two": {map[string]string{self: "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "2097152\n", "sys/fs/cgroup/a/memory.max": "1048576\n"}, 1 << 20},
		"a container that sees the path of its host": {
			map[string]string{self: "0::/kubepods/pod1/c1\n", "sys/fs/cgroup/memory.max": "1048576\n"}, 1 << 20,
		},
		"version 1": {
			map[string]string{self: "5:cpu,cpuacct:/a\n4:memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1048576\n", "sys/fs/cgroup/memory.max": "1\n"}, 1 << 20,
		},
		"version 1, no limit": {map[string]string{self: "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		"not a number":        {map[string]string{self: "0::/\n", "sys/fs/cgroup/memory.max": "much\n"}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range test.files {
				file := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got, ok := memoryLimit(root); got != test.want || ok != (test.want != 0) {
				t.Errorf("got %d, %t, want %d", got, ok, test.want)
			}
		})
	}
}

// TestTuneMemory: the environment variable takes precedence.
func TestTuneMemory(t *testing.T) {
	limit := debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() { debug.SetMemoryLimit(limit) })
	t.Setenv("GOMEMLIMIT", "1GiB")
	tuneMemory(slog.New(slog.DiscardHandler))
	if got := debug.SetMemoryLimit(math.MaxInt64); got != math.MaxInt64 {
		t.Errorf("GOMEMLIMIT=1GiB: got a limit of %d, want the limit of the variable", got)
	}
}
