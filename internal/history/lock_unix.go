//go:build unix

package history

import (
	"errors"
	"os"
	"syscall"
)

// lock locks an open file until it is closed. ok is false if another process has it locked.
func lock(file *os.File) (ok bool, err error) {
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
