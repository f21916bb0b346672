package history

import (
	"cmp"
	"errors"
	"os"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// busyShare is the part of all generations above which a namespace is busy. While two generations in a row changed objects of busy
// namespaces alone, these are joined, and no older one is dropped: an object that changes each second takes little history from others.
const busyShare = 10

// trim drops generations until the Limits allow them. The newest one stays. The caller holds mu.
func (s *Store) trim() {
	for len(s.generations) > 1 && (len(s.generations) > s.options.Limits.Generations || s.size > s.options.Limits.Bytes) {
		i, changes := s.dispensable()
		older, next := s.generations[i], s.generations[i+1]
		s.discount(older)
		if i > 0 {
			s.discount(next)
			next.follow(older.before, changes, older.Hosts)
			s.count(next)
			if s.disk != nil {
				s.merged = append(s.merged, fileOf(older))
			}
		}
		copy(s.generations[1:], s.generations[:i]) // few are older, and the array does not grow
		s.generations[0] = nil
		s.generations = s.generations[1:]
	}
}

// dispensable returns the index of the generation to drop, and the changes that the next one has then: the oldest of busy
// namespaces before another one of such, or else the oldest. The caller holds mu.
func (s *Store) dispensable() (int, []change) {
	large := len(s.generations) <= s.options.Limits.Generations
	busy := s.busy(s.generations[0])
	for i, next := range s.generations[1:] {
		g, before := s.generations[i], busy
		busy = s.busy(next)
		switch {
		case !before || !busy:
			continue
		case i == 0:
			return 0, nil
		case g.First || len(g.changes) > maxListed:
			continue
		}
		changes := together(g.changes, next.changes)
		if kept := bytesOfChanges(changes) - bytesOfChanges(next.changes); len(changes) <= maxListed && (!large || kept <= bytesOfChanges(g.changes)/2) {
			return i, changes
		}
	}
	return 0, nil
}

// busy reports whether a generation changed objects of busy namespaces alone. The first one has causes in place of changes. The caller
// holds mu.
func (s *Store) busy(g *generation) bool {
	quiet := func(ref mesh.Ref) bool { return s.tenants[tenant(ref)]*busyShare <= len(s.generations) }
	return !slices.ContainsFunc(g.changes, func(c change) bool { return quiet(c.ref) }) &&
		!(g.First && slices.ContainsFunc(g.Causes, func(c Cause) bool { return quiet(c.Object) }))
}

// tenant returns the namespace of an object, or its name if it has none, such as a Namespace.
func tenant(ref mesh.Ref) string {
	if ref.Namespace == "" {
		return ref.Name
	}
	return ref.Namespace
}

// count counts what a generation has, and discount reverses it. The caller holds mu.
func (s *Store) count(g *generation) {
	g.size = g.bytes()
	s.size += g.size
	for name := range g.tenants() {
		s.tenants[name]++
	}
}

func (s *Store) discount(g *generation) {
	s.size -= g.size
	for name := range g.tenants() {
		if s.tenants[name]--; s.tenants[name] == 0 {
			delete(s.tenants, name)
		}
	}
}

// tenants returns the namespaces of the objects that changed.
func (g *generation) tenants() map[string]bool {
	out := map[string]bool{}
	for _, c := range g.changes {
		out[tenant(c.ref)] = true
	}
	return out
}

// together returns the changes of two generations, of which the second follows from the first, as those of one.
func together(first, second []change) []change {
	all := make(map[mesh.Ref]change, len(first)+len(second))
	for _, c := range first {
		all[c.ref] = c
	}
	for _, c := range second {
		if one, ok := all[c.ref]; ok {
			c.before = one.before
		}
		all[c.ref] = c
	}
	var out []change
	for _, c := range all {
		if !sameText(c.before, c.after) {
			out = append(out, c)
		}
	}
	mesh.SortFunc(out, func(a, b change) int { return a.ref.Compare(b.ref) })
	return out
}

// room returns how many bytes the files may have: no more than half of what other files leave of the disk, because the state of
// the cluster, which matters more, may be on this disk.
func (d *disk) room() int64 {
	used, left := int64(0), free(d.dir)
	_, sizes, _ := d.list() // what cannot be listed cannot be removed
	for _, size := range sizes {
		used += size
	}
	return min(d.limits.Folder, used/2+left/2)
}

// remove removes the files of generations.
func (d *disk) remove(names []string) (err error) {
	for _, name := range names {
		for _, name := range []string{name, name + fullSuffix} {
			if gone := os.Remove(d.file(name)); gone != nil && !errors.Is(gone, os.ErrNotExist) {
				err = errors.Join(err, gone)
			}
			delete(d.full, name)
		}
	}
	return err
}

// trim removes files until the folder has at most so many bytes, and as few files as it must have: of those of generations that are not kept, then those with all
// objects of old ones, then those of the oldest generations.
func (d *disk) trim(kept map[string]bool, most int64) error {
	files, sizes, err := d.list()
	var spared []fileID
	generations, total := 0, int64(0)
	for _, file := range files {
		total += sizes[file]
		switch {
		case !file.full:
			generations++
		case kept[file.name]:
			spared = append(spared, file)
		}
	}
	spared = spared[max(0, len(spared)-fullKept):]
	rank := func(file fileID) int {
		switch {
		case !kept[file.name]:
			return 0
		case file.full && !slices.Contains(spared, file):
			return 1
		}
		return 2
	}
	mesh.SortStableFunc(files, func(a, b fileID) int { return cmp.Compare(rank(a), rank(b)) })
	for len(files) > 2 && (generations > d.limits.Generations || total > most) {
		file := files[0]
		if gone := os.Remove(d.file(file.name)); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			return errors.Join(err, gone)
		}
		if !file.full {
			generations--
		}
		delete(d.full, file.name)
		total -= sizes[file]
		files = files[1:]
	}
	return err
}
