package main

import (
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
)

// limitTenths is the part of the container's memory limit, in tenths, above which the garbage collector works harder,
// before the kernel ends the process: see docs/adr/0016-memory.md.
const limitTenths = 9

// tuneMemory sets the memory limit of the Go runtime from the container's limit. GOMEMLIMIT takes precedence.
func tuneMemory(logger *slog.Logger) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if limit, ok := memoryLimit("/"); ok {
		soft := limit / 10 * limitTenths
		debug.SetMemoryLimit(soft)
		logger.Debug("memory is limited", "container_bytes", limit, "heap_bytes", soft)
	}
}

// releaseMemory returns to the system the memory that only the start needed: the first read of all objects leaves
// more garbage than anything later. The runtime would keep that memory for reuse.
func releaseMemory() { debug.FreeOSMemory() }

// memoryLimit returns the lowest memory limit of the process's control groups, if there is one. root is the root of
// the file system.
func memoryLimit(root string) (limit int64, ok bool) {
	groups, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(groups)) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, _ := strings.Cut(line, ":")
		mounted, file := "sys/fs/cgroup", "memory.max"
		switch controllers {
		case "":
		case "memory":
			mounted, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		// A group is also limited by its parents. In a container the path may begin outside of the mount; its group
		// is then the mount's root.
		for group = path.Clean("/" + group); ; group = path.Dir(group) {
			if found := readLimit(filepath.Join(root, mounted, group, file)); found > 0 && (!ok || found < limit) {
				limit, ok = found, true
			}
			if group == "/" {
				break
			}
		}
	}
	return limit, ok
}

// unlimited is more than any machine has. Version 1 of control groups writes such a number if there is no limit.
const unlimited = 1 << 60

// readLimit returns 0 if the file contains no limit.
func readLimit(file string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || limit >= unlimited {
		return 0
	}
	return limit
}
