//go:build linux || darwin

package history

import (
	"math"
	"syscall"
)

// free returns how many bytes this process may still write to the file system of a folder.
func free(dir string) int64 {
	var found syscall.Statfs_t
	if err := syscall.Statfs(dir, &found); err != nil {
		return math.MaxInt64
	}
	return int64(found.Bavail) * int64(found.Bsize) //nolint:unconvert // the types differ between systems
}
