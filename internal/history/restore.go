package history

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// files is what was read of a folder.
type files struct {
	// chain are generations, the oldest first. Each follows from the one before. objects are those of the newest.
	chain   []*generation
	objects mesh.Map[*mesh.Manifest]
	// full are the names of the files with all objects, by the ID of their generation. Those that are damaged are taken out.
	full map[string][]string
	// highest is the highest number of all files.
	highest int
	// failures are why files cannot be used.
	failures []error
}

// identify is told which cluster this is when it was read. Before that, the URL says whose files there are. If that was wrong for
// one, the folder is read again.
func (s *Store) identify(uid string) {
	if s.disk == nil || s.identified {
		return
	}
	assumed := s.disk.header()
	s.disk.uid = uid
	is := s.disk.header()
	for header := range s.disk.headers {
		if header.same(assumed) != header.same(is) {
			s.disk.logger.Info("reading the saved history again, because the UID of the cluster is known now", "uid", uid)
			s.restore()
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.identified = true
}

// restore takes over the generations of the folder. Whatever cannot be used is told, and left where it is.
func (s *Store) restore() {
	found := s.disk.read()
	held, failures := s.disk.readHeld(found.objects)
	found.failures = append(found.failures, failures...)
	if n := len(found.failures); n > 0 {
		told := s.disk.logger.With("path", s.disk.dir, "files", n, "first_error", found.failures[0])
		if len(found.chain) > 0 {
			told.Warn("cannot use some files of the saved history")
		} else {
			told.Warn("cannot use the saved history; it begins anew")
		}
	}
	s.disk.unusable.Set(float64(len(found.failures)))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generations, s.size, s.merged, s.current, s.fingerprint, s.apart = nil, 0, nil, mesh.Map[*mesh.Manifest]{}, mesh.Fingerprint{}, false
	clear(s.tenants)
	s.held, s.disk.held = held, nil
	clear(s.disk.full)
	s.next = found.highest + 1
	s.disk.first = s.next
	if len(found.chain) == 0 {
		return
	}
	for _, names := range found.full {
		for _, name := range names {
			s.disk.full[name] = true
		}
	}
	for _, g := range found.chain {
		s.add(g)
	}
	newest := found.chain[len(found.chain)-1]
	s.current, s.fingerprint = found.objects, newest.fingerprint
	s.apart = true
	s.trim()
	s.disk.logger.Info("restored the history", "generations", len(s.generations), "newest", newest.ID)
}

// read reads the folder. Where a generation is missing or damaged, the next one has its changes, too, if it is known which
// objects there were before and after.
func (d *disk) read() *files {
	found := &files{full: map[string][]string{}}
	pieces := piecesOf(d.readGenerations(found))
	for _, piece := range slices.Backward(pieces) {
		if len(found.chain) >= d.limits.Generations {
			break
		}
		objects, err := d.objectsAfter(piece, found)
		switch {
		case err != nil:
			found.failures = append(found.failures, err)
		case len(found.chain) == 0:
			found.chain, found.objects = piece, objects
		default:
			older, changes := piece[len(piece)-1], changesBetween(objects, undo(found.objects, found.chain[1:]))
			found.chain[0].follow(older.fingerprint, changes, changedHosts(nil, &mesh.World{Domain: d.domain}, changes))
			found.chain = append(piece, found.chain...)
		}
	}
	return found
}

// readGenerations reads the files of generations, by their numbers, and notes those with all objects.
func (d *disk) readGenerations(found *files) []*generation {
	names, _, err := d.list()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		found.failures = append(found.failures, err)
	}
	var all []*generation
	size := 0
	for _, file := range slices.Backward(names) {
		found.highest = max(found.highest, file.number)
		if file.full {
			found.full[file.id] = append(found.full[file.id], file.name)
			continue
		}
		if len(all) >= d.limits.Generations || size > d.limits.Bytes {
			continue // it would be dropped
		}
		g, err := d.readGeneration(file.name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // another process removed it meanwhile
		case err != nil:
			found.failures = append(found.failures, err)
			continue
		}
		all, size = append(all, g), size+g.bytes()
	}
	slices.Reverse(all)
	return all
}

// piecesOf parts generations where one does not follow from the one before.
func piecesOf(all []*generation) [][]*generation {
	var pieces [][]*generation
	for i, g := range all {
		if i == 0 || g.First || g.before != all[i-1].fingerprint {
			pieces = append(pieces, nil)
		}
		last := len(pieces) - 1
		pieces[last] = append(pieces[last], g)
	}
	return pieces
}

// objectsAfter returns the objects of the newest generation of a piece, from a file with all objects of one in it, or of the one
// before it: of the newest that can be read.
func (d *disk) objectsAfter(piece []*generation, found *files) (mesh.Map[*mesh.Manifest], error) {
	var failures error
	for i := len(piece) - 1; i >= -1; i-- {
		id := piece[0].before.String()
		if i >= 0 {
			id = piece[i].ID
		}
		for _, name := range slices.Clone(found.full[id]) {
			of, objects, err := d.readObjects(name)
			if err == nil {
				objects, of, err = redo(objects, of, piece[i+1:])
			}
			if newest := piece[len(piece)-1]; err == nil && of != newest.fingerprint {
				err = fmt.Errorf("%s has the objects of another generation", d.file(name))
			}
			if err == nil {
				return objects, nil
			}
			failures = errors.Join(failures, err)
			found.full[id] = slices.DeleteFunc(found.full[id], func(other string) bool { return other == name })
		}
	}
	return mesh.Map[*mesh.Manifest]{}, errors.Join(failures, fmt.Errorf("no file has all objects of generations %d to %d, so they cannot be used", piece[0].Number, piece[len(piece)-1].Number))
}

// follow makes g follow from an older generation than before, from which it differs by changes. hosts are those that the changes in
// between concern.
func (g *generation) follow(before mesh.Fingerprint, changes []change, hosts []string) {
	g.before, g.First, g.saved, g.changes = before, false, nil, changes
	left := LeftOut{}
	if g.LeftOut != nil {
		left = *g.LeftOut
	}
	hosts = slices.Sorted(slices.Values(slices.Concat(hosts, g.Hosts)))
	g.describe(changes, slices.Compact(hosts), g.Resources)
	if left.Hosts+left.Resources == 0 {
		return
	}
	if g.LeftOut == nil {
		g.LeftOut = &LeftOut{}
	}
	g.LeftOut.Hosts += left.Hosts // at least: which ones these were is not known
	g.LeftOut.Resources += left.Resources
}

// redo makes the objects of the last generation, and their Fingerprint, of those of the one before the first.
func redo(objects mesh.Map[*mesh.Manifest], sum mesh.Fingerprint, generations []*generation) (mesh.Map[*mesh.Manifest], mesh.Fingerprint, error) {
	put := map[string]*mesh.Manifest{}
	for _, g := range generations {
		for _, c := range g.changes {
			if c.before != nil {
				sum = sum.Minus(c.before)
			}
			if c.after != nil {
				sum = sum.Plus(c.after)
			}
			put[c.ref.String()] = c.after
		}
		if sum != g.fingerprint {
			return objects, sum, errors.New("generation " + g.ID + " does not follow from the one before")
		}
	}
	return with(objects, put), sum, nil
}

// undo makes the objects of the generation before the first of those of the last.
func undo(objects mesh.Map[*mesh.Manifest], generations []*generation) mesh.Map[*mesh.Manifest] {
	put := map[string]*mesh.Manifest{}
	for _, g := range slices.Backward(generations) {
		for _, c := range g.changes {
			put[c.ref.String()] = c.before
		}
	}
	return with(objects, put)
}

// with puts objects into a set. Those that are nil are removed from it.
func with(objects mesh.Map[*mesh.Manifest], put map[string]*mesh.Manifest) mesh.Map[*mesh.Manifest] {
	var remove []string
	for key, m := range put {
		if m == nil {
			remove = append(remove, key)
			delete(put, key)
		}
	}
	return objects.With(put, remove)
}
