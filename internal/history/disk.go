package history

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mizzen-mesh/mizzen/internal/lastgood"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// disk is the folder of a Store: a file for each generation, with what changed, and one with all objects of one of them. Only the
// goroutine of Run uses it, and New.
type disk struct {
	dir             string
	cluster, domain string
	logger          *slog.Logger
	// base is the Fingerprint of the file with all objects; nil if there is no such file.
	base *mesh.Fingerprint
	// failing is true if the last attempt to save failed. A failure is logged once.
	failing  bool
	failures prometheus.Counter
}

const (
	// maxFolder bounds the files of the folder, in bytes.
	maxFolder = 64 << 20
	// baseFile is the name of the file with all objects of a generation.
	baseFile = "objects"
	// saveInterval is how often it is saved how far generations reached clients. It is also how soon a failed save is repeated.
	saveInterval = 30 * time.Second
	// draftAge is the age from which a draft has no writer any more.
	draftAge = time.Hour
)

// generationFile is the form of the names of generations' files: they sort as their numbers do.
var generationFile = regexp.MustCompile(`^\d{9,}-g-[0-9a-f]{10}$`)

func newDisk(o Options) *disk {
	return &disk{
		dir: o.Dir, cluster: o.Cluster, domain: o.Domain, logger: o.Logger,
		failures: prometheus.NewCounter(prometheus.CounterOpts{Name: "mizzen_history_save_failures_total", Help: "Attempts to save the history that failed."}),
	}
}

// Run saves generations to the folder until ctx ends, and once more then. Without a folder it returns immediately.
func (s *Store) Run(ctx context.Context) error {
	if s.disk == nil {
		return nil
	}
	again := time.NewTicker(saveInterval)
	defer again.Stop()
	for {
		s.save()
		select {
		case <-s.wake:
		case <-again.C:
		case <-ctx.Done():
			s.save()
			return nil
		}
	}
}

// batch is what is to be saved: copies, and what does not change.
type batch struct {
	generations []generation
	// objects are all objects, if a file with them is needed, and fingerprint is theirs.
	objects     *mesh.Map[*mesh.Manifest]
	fingerprint mesh.Fingerprint
	// kept are the names of the files of all generations.
	kept map[string]bool
}

// unsaved returns what is to be saved.
func (s *Store) unsaved() batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := batch{kept: map[string]bool{}, fingerprint: s.fingerprint}
	based := false
	for i, g := range s.generations {
		out.kept[fileOf(g)] = true
		based = based || s.disk.base != nil && *s.disk.base == g.fingerprint
		if reach := g.reach(); g.saved == nil || *g.saved != reach {
			one := *g
			one.Generation, one.saved = s.view(i), &reach
			out.generations = append(out.generations, one)
		}
	}
	if !based && len(s.generations) > 0 {
		out.objects = new(s.current)
	}
	return out
}

// save writes what is not saved yet. A failure is told, and the generations stay in memory.
func (s *Store) save() {
	todo, d := s.unsaved(), s.disk
	var err error
	saved := map[int]*serving.Reach{}
	for i := range todo.generations {
		g := &todo.generations[i]
		if err == nil {
			if err = d.writeGeneration(g); err == nil {
				saved[g.Number] = g.saved
			}
		}
	}
	// The objects come last: until then the file that is there is of a generation whose file is there, too.
	if err == nil && todo.objects != nil {
		if err = d.writeObjects(*todo.objects, todo.fingerprint); err == nil {
			d.base = &todo.fingerprint
		}
	}
	s.mu.Lock()
	for _, g := range s.generations {
		if reach := saved[g.Number]; reach != nil {
			g.saved = reach
		}
	}
	s.mu.Unlock()
	if err == nil && (len(saved) > 0 || todo.objects != nil) {
		err = d.trim(todo.kept, s.options.Limits.Generations)
	}
	d.tell(err)
}

// tell reports the outcome of a save.
func (d *disk) tell(err error) {
	if err != nil {
		d.failures.Inc()
	}
	switch {
	case err != nil && !d.failing:
		d.logger.Warn("cannot save the history; it is in memory until the process ends", "error", err)
	case err == nil && d.failing:
		d.logger.Info("the history is being saved again", "path", d.dir)
	}
	d.failing = err != nil
}

// trim removes files: those of generations that are not kept, the oldest first, until the folder is as small as it must be. If
// that is not enough, the oldest of all.
func (d *disk) trim(kept map[string]bool, most int) error {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return err
	}
	sizes, total := map[string]int64{}, int64(0)
	var names []string
	for _, entry := range entries {
		info, gone := entry.Info()
		if gone != nil {
			continue // another replica removed it
		}
		switch name := entry.Name(); {
		case generationFile.MatchString(name):
			names = append(names, name)
			sizes[name] = info.Size()
			total += info.Size()
		case name == baseFile:
			total += info.Size()
		case strings.HasSuffix(name, ".new") && time.Since(info.ModTime()) > draftAge:
			err = errors.Join(err, os.Remove(filepath.Join(d.dir, name)))
		}
	}
	slices.Sort(names)
	slices.SortStableFunc(names, func(a, b string) int {
		switch {
		case kept[a] == kept[b]:
			return 0
		case kept[a]:
			return 1
		}
		return -1
	})
	for len(names) > 1 && (len(names) > most || total > maxFolder) {
		if gone := os.Remove(filepath.Join(d.dir, names[0])); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			return errors.Join(err, gone)
		}
		total -= sizes[names[0]]
		names = names[1:]
	}
	return err
}

// restore takes over the generations of the folder. Whatever cannot be used is told, and left where it is.
func (s *Store) restore() {
	found, err := s.disk.read()
	if err != nil {
		s.disk.logger.Warn("cannot use the saved history; it begins anew", "path", s.disk.dir, "error", err)
	}
	if found == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range found.chain {
		s.add(g)
	}
	newest := found.chain[len(found.chain)-1]
	s.current, s.fingerprint, s.disk.base = found.objects, newest.fingerprint, &found.base
	s.trim()
	s.disk.logger.Info("restored the history", "generations", len(s.generations), "newest", newest.ID)
}

// file returns the path of a file in the folder.
func (d *disk) file(name string) string { return filepath.Join(d.dir, name) }

// Describe implements prometheus.Collector.
func (s *Store) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, out) }

var generationsDesc = prometheus.NewDesc("mizzen_history_generations", "Generations of the configuration that are kept.", nil, nil)

// Collect implements prometheus.Collector.
func (s *Store) Collect(out chan<- prometheus.Metric) {
	s.mu.Lock()
	n := len(s.generations)
	s.mu.Unlock()
	out <- prometheus.MustNewConstMetric(generationsDesc, prometheus.GaugeValue, float64(n))
	if s.disk != nil {
		s.disk.failures.Collect(out)
	}
}

var _ prometheus.Collector = (*Store)(nil)

// files is what was read of a folder.
type files struct {
	// chain are generations that follow from one another, the oldest first: at least one. objects are those of the newest.
	chain   []*generation
	objects mesh.Map[*mesh.Manifest]
	// base is the Fingerprint of the file with all objects.
	base mesh.Fingerprint
}

// read reads the folder. It returns nil if there is nothing in it that can be used, and also why some files cannot be used.
func (d *disk) read() (*files, error) {
	entries, err := os.ReadDir(d.dir)
	if errors.Is(err, os.ErrNotExist) || len(entries) == 0 && err == nil {
		return nil, nil //nolint:nilnil // a folder that is not there is an empty one
	}
	if err != nil {
		return nil, err
	}
	var all []*generation
	var failures []error
	for _, entry := range entries {
		if !generationFile.MatchString(entry.Name()) {
			continue
		}
		g, err := d.readGeneration(entry.Name())
		if err != nil {
			failures = append(failures, err)
			continue
		}
		all = append(all, g)
	}
	base, objects, err := d.readObjects()
	if err != nil {
		return nil, errors.Join(err, d.some(failures))
	}
	chain := chainOf(all)
	if objects, err = forward(chain, base, objects); err != nil {
		return nil, errors.Join(err, d.some(failures))
	}
	if len(failures) > 0 {
		d.logger.Warn("cannot use some files of the saved history", "path", d.dir, "files", len(failures), "first_error", failures[0])
	}
	return &files{chain: chain, objects: objects, base: base}, nil
}

// some returns the first of many errors.
func (d *disk) some(failures []error) error {
	if len(failures) == 0 {
		return nil
	}
	return failures[0]
}

// chainOf returns the generations that lead to the newest one, the oldest first.
func chainOf(all []*generation) []*generation {
	slices.SortFunc(all, func(a, b *generation) int { return a.At.Compare(b.At) })
	var chain []*generation
	for _, g := range slices.Backward(all) {
		switch n := len(chain); {
		case n == 0, chain[n-1].before == g.fingerprint && !chain[n-1].First && chain[n-1].Number > g.Number:
			chain = append(chain, g)
		}
	}
	slices.Reverse(chain)
	if len(chain) > 0 {
		chain[0].Previous = ""
	}
	return chain
}

// forward makes the objects of the newest generation of a chain of those of one in it, or before it.
func forward(chain []*generation, base mesh.Fingerprint, objects mesh.Map[*mesh.Manifest]) (mesh.Map[*mesh.Manifest], error) {
	if len(chain) == 0 {
		return objects, errors.New("no generation can be used")
	}
	from := -1
	for i, g := range chain {
		if g.fingerprint == base {
			from = i
		}
	}
	if from < 0 && chain[0].before != base {
		return objects, errors.New("the saved objects are of no saved generation")
	}
	put, remove := map[string]*mesh.Manifest{}, map[string]bool{}
	sum := base
	for _, g := range chain[from+1:] {
		for _, c := range g.changes {
			key := c.ref.String()
			if c.before != nil {
				sum = sum.Minus(c.before)
			}
			delete(put, key)
			remove[key] = c.after == nil
			if c.after != nil {
				put[key], sum = c.after, sum.Plus(c.after)
			}
		}
		if sum != g.fingerprint {
			return objects, errors.New("generation " + g.ID + " does not follow from the one before")
		}
	}
	var gone []string
	for key, is := range remove {
		if is {
			gone = append(gone, key)
		}
	}
	return objects.With(put, gone), nil
}

// fileOf returns the name of a generation's file.
func fileOf(g *generation) string { return fileName(g.Number, g.ID) }

// write writes a file of the folder.
func (d *disk) write(name string, lines *lineWriter) error {
	_, err := lastgood.Replace(d.file(name), lines.writeTo)
	return err
}
