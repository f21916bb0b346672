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

// limitTenths of the container's limit are where the garbage collector works harder, before the kernel ends the process, see
// docs/adr/0016-memory.md.
const limitTenths = 9

// tuneMemory has the process keep to the memory that it was given. GOMEMLIMIT, if it is set, comes first.
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

// releaseMemory gives back what only the start needed: reading everything at once leaves more garbage than anything after it. The
// runtime would keep that memory for as long as it may fill it again.
func releaseMemory() { debug.FreeOSMemory() }

// memoryLimit is the least that the control groups of this process allow, if any of them limits memory. root is that of the
// file system.
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
		// A group is bound by those around it. In a container the path may begin outside of what is mounted; its own group is the root then.
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

// unlimited is more than any machine has. Version 1 of control groups writes such a number where there is no limit.
const unlimited = 1 << 60

// readLimit is 0 when the file states no limit.
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
