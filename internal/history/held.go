package history

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// A pin holds rules as of a generation, and may last longer than the generation is kept. So all objects of the generations that
// pins name are kept apart from those of the others.

const (
	// maxHeld is how many generations are kept so. Those that were asked for last are.
	maxHeld = 16
	// heldShare is which part of the folder's limit their files may take beside it.
	heldShare = 4
	// heldPrefix is the begin of the names of their files.
	heldPrefix = "held-"
)

// heldSet is all objects of a generation.
type heldSet struct {
	id      string
	objects mesh.Map[*mesh.Manifest]
	of      mesh.Fingerprint
}

// Hold returns what Objects returns, and keeps the generation although newer ones push others out.
func (s *Store) Hold(text string) (map[object.Key]*object.Object, error) {
	s.mu.Lock()
	if i, err := s.find(text); err == nil {
		g := s.generations[i]
		s.hold(heldSet{g.ID, s.set(i), g.fingerprint})
	} else if h, ok := s.heldSet(text); ok {
		s.hold(h)
	}
	s.mu.Unlock()
	return s.Objects(text)
}

// hold makes a set the one that was asked for last. The caller holds mu.
func (s *Store) hold(h heldSet) {
	s.held = append(slices.DeleteFunc(s.held, func(other heldSet) bool { return other.id == h.id }), h)
	s.held = slices.Delete(s.held, 0, max(0, len(s.held)-maxHeld))
}

// heldSet returns the set of a generation that is held, by its ID, or by the beginning of it that no other generation has. The caller holds mu.
func (s *Store) heldSet(text string) (found heldSet, ok bool) {
	if !strings.HasPrefix(text, "g-") || len(text) < len("g-")+1 {
		return heldSet{}, false
	}
	several := slices.ContainsFunc(s.generations, func(g *generation) bool { return strings.HasPrefix(g.ID, text) })
	for _, h := range s.held {
		switch {
		case h.id == text:
			return h, true
		case strings.HasPrefix(h.id, text):
			several = several || ok
			found, ok = h, true
		}
	}
	return found, ok && !several
}

// writeHeld makes the files of the folder those of the sets. If they take too much room, those that were asked for last stay.
func (d *disk) writeHeld(sets []heldSet) error {
	ids := make([]string, len(sets))
	for i, h := range sets {
		ids[i] = h.id
	}
	if slices.Equal(ids, d.held) {
		return nil
	}
	kept, total := map[string]bool{}, int64(0)
	for _, h := range slices.Backward(sets) {
		name := heldPrefix + h.id
		info, err := os.Stat(d.file(name))
		if errors.Is(err, fs.ErrNotExist) {
			if err = d.writeObjects(allObjects{name, h.objects, h.of}); err == nil {
				info, err = os.Stat(d.file(name))
			}
		}
		if err != nil {
			return err
		}
		total += info.Size()
		kept[d.file(name)] = total <= d.limits.Folder/heldShare
	}
	files, err := filepath.Glob(d.file(heldPrefix + "g-*"))
	for _, file := range files {
		if !kept[file] && filepath.Ext(file) == "" { // it is no draft
			err = errors.Join(err, os.Remove(file))
		}
	}
	if err == nil {
		d.held = ids
	}
	return err
}

// readHeld reads the sets of the folder, with the texts of objects of which they are copies.
func (d *disk) readHeld(objects mesh.Map[*mesh.Manifest]) (sets []heldSet, failures []error) {
	files, err := filepath.Glob(d.file(heldPrefix + "g-*"))
	if err != nil {
		failures = append(failures, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if filepath.Ext(name) != "" || len(sets) == maxHeld {
			continue
		}
		of, all, err := d.readObjects(name)
		if err == nil && heldPrefix+of.String() != name {
			err = errors.New(file + " has the objects of another generation")
		}
		if err != nil {
			failures = append(failures, err)
			continue
		}
		same := map[string]*mesh.Manifest{}
		for key, m := range all.All() {
			if one, ok := objects.Get(key); ok && one.Equal(m) {
				same[key] = one
			}
		}
		sets = append(sets, heldSet{of.String(), all.With(same, nil), of})
	}
	return sets, failures
}
