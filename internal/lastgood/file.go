package lastgood

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// File is a text on disk. Its methods are safe for concurrent use.
type File struct {
	path    string
	logger  *slog.Logger
	metrics *metrics

	// mu protects failing. Save locks it, so that saves do not overlap.
	mu sync.Mutex
	// failing is true if the last save failed. A failure is logged once.
	failing bool
}

// New makes a File for a path. It reads and writes nothing. The folder is created by the first Save.
func New(path string, logger *slog.Logger) *File {
	return &File{path: path, logger: logger, metrics: newMetrics()}
}

// Save replaces the text by what write writes, atomically. A failure is logged and counted; callers continue without the file, and
// try again if ok is false.
func (f *File) Save(write func(io.Writer) error) (ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	size, err := Replace(f.path, write)
	f.metrics.saved(size, err, time.Now())
	switch {
	case err != nil && !f.failing:
		f.logger.Warn("cannot save the state; a restart while the API server is unavailable would serve the previous state", "error", err)
	case err == nil && f.failing:
		f.logger.Info("state is being saved again", "path", f.path)
	}
	f.failing = err != nil
	return !f.failing
}

// Load passes the text to read. It fails if the file does not exist, if it is damaged, or if read fails.
func (f *File) Load(read func(io.Reader) error) error {
	return Read(f.path, read)
}

// Read passes the text of the file at a path to read, as Load does.
func Read(path string, read func(io.Reader) error) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read what was stored: %w", err)
	}
	text, err := decode(raw)
	if err == nil {
		err = read(text)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Draft is the name under which a file is written before it gets its own. It is that of the machine, so that replicas can share a
// folder, and a killed process leaves at most one.
func Draft(path string) string {
	name, err := os.Hostname()
	if err != nil {
		name = "unnamed"
	}
	return path + "." + name + ".new"
}

// Replace makes a file of what write writes, or replaces it, completely or not at all: it writes a draft, and gives it the name of
// the file. It returns the size of the file.
func Replace(path string, write func(io.Writer) error) (size int64, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return 0, err
	}
	temporary := Draft(path)
	size, err = writeFile(temporary, write)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		if gone := os.Remove(temporary); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return 0, err
	}
	return size, syncFolder(filepath.Dir(path))
}

func writeFile(path string, write func(io.Writer) error) (size int64, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := encode(file, write); err != nil {
		return 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), file.Sync()
}

// syncFolder makes a rename durable.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
