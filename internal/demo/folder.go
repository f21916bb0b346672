package demo

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

const virtualServiceFile = "virtualservice.yaml"

// folder is the path of the demo's copy of its manifests.
type folder string

// setPort changes the port of the EndpointSlice in a file.
func (f folder) setPort(file string, from, to int) error {
	_, err := f.edit(file, func(text []byte) ([]byte, error) {
		before, after := fmt.Sprintf("port: %d\n", from), fmt.Sprintf("port: %d\n", to)
		if bytes.Count(text, []byte(before)) != 1 {
			return nil, fmt.Errorf("it has no single %q", before)
		}
		return bytes.Replace(text, []byte(before), []byte(after), 1), nil
	})
	return err
}

var weightLine = regexp.MustCompile(`weight: \d+`)

// setWeights edits the VirtualService and returns the time of the edit.
func (f folder) setWeights(weights ...int) (time.Time, error) {
	return f.edit(virtualServiceFile, func(text []byte) ([]byte, error) {
		if n := len(weightLine.FindAll(text, -1)); n != len(weights) {
			return nil, fmt.Errorf("it has %d weights, not %d", n, len(weights))
		}
		i := 0
		return weightLine.ReplaceAllFunc(text, func([]byte) []byte {
			i++
			return []byte("weight: " + strconv.Itoa(weights[i-1]))
		}), nil
	})
}

// remove deletes a file and returns the time of the deletion.
func (f folder) remove(file string) (time.Time, error) {
	at := time.Now()
	if err := os.Remove(filepath.Join(string(f), file)); err != nil {
		return at, fmt.Errorf("remove from the demo's folder: %w", err)
	}
	return at, nil
}

// edit replaces a file atomically: it writes a new file next to it, and renames that. It returns the time of the
// renaming.
func (f folder) edit(file string, change func([]byte) ([]byte, error)) (time.Time, error) {
	path := filepath.Join(string(f), file)
	text, err := os.ReadFile(path)
	if err != nil {
		return time.Time{}, fmt.Errorf("edit the demo's folder: %w", err)
	}
	if text, err = change(text); err != nil {
		return time.Time{}, fmt.Errorf("edit %s: %w", path, err)
	}
	draft := filepath.Join(string(f), "."+file+".new") // hidden, so that it is not read
	if err := os.WriteFile(draft, text, 0o600); err != nil {
		return time.Time{}, fmt.Errorf("edit the demo's folder: %w", err)
	}
	at := time.Now()
	if err := os.Rename(draft, path); err != nil {
		return time.Time{}, fmt.Errorf("edit the demo's folder: %w", err)
	}
	return at, nil
}
