package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mizzen-mesh/mizzen/internal/lastgood"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// disk is the folder of a Store: a file for each generation, with what changed, and for some of them one with all objects, so that
// no damaged file costs more than what only it has. Until the cluster was read, New and Published
// use it, and then only the goroutine of Run.
type disk struct {
	dir             string
	cluster, domain string
	logger          *slog.Logger
	limits          Limits
	// uid is that of the World; empty while it is not known. headers are those of the files that were read.
	uid     string
	headers map[fileHeader]bool
	// full are the names of the files with all objects, except those that were found damaged.
	full map[string]bool
	// held are the IDs of the generations for pins that the folder has.
	held []string
	// locked is the locked file of the folder; nil while another process saves in the folder, or none. first is the number from
	// which this process counts, and alone is true if there are no files from it on that another process saved.
	locked *os.File
	first  int
	alone  bool
	// waiting is true if another process saves in the folder. This is logged once.
	waiting bool
	// failing is true if the last attempt to save failed. A failure is logged once.
	failing  bool
	failures prometheus.Counter
	// unusable is how many files of the folder could not be used at the start.
	unusable prometheus.Gauge
}

const (
	// lockFile is the name of the file that the process locks that saves in the folder.
	lockFile = "lock"
	// fullSuffix is the end of the names of files with all objects of a generation.
	fullSuffix = ".objects"
	// fullEvery is how many generations there are at least from one file with all objects to the next, and fullShare the part of all
	// generations that there are at most. The first two generations have one each.
	fullEvery, fullShare = 10, 10
	// fullKept is how many of these files, the newest ones, are kept rather than older generations.
	fullKept = 2
	// saveInterval is how often it is saved how far generations reached clients. It is also how soon a failed save is repeated.
	saveInterval = 30 * time.Second
	// block is the unit in which file systems give room to files, usually.
	block = 4 << 10
	// draftAge is the age from which a draft has no writer any more.
	draftAge = time.Hour
)

// historyFile is the form of the names of files.
var historyFile = regexp.MustCompile(`^(\d{9,15})-(g-[0-9a-f]{10})(\.objects)?$`)

// fileID is what the name of a file says: of which generation it is, and whether it has all objects.
type fileID struct {
	name   string
	number int
	id     string
	full   bool
}

// fileNamed returns the fileID of a name; ok is false for files that are not the history's.
func fileNamed(name string) (file fileID, ok bool) {
	match := historyFile.FindStringSubmatch(name)
	if match == nil {
		return fileID{}, false
	}
	number, err := strconv.Atoi(match[1])
	return fileID{name, number, match[2], match[3] != ""}, err == nil
}

func newDisk(o Options) *disk {
	return &disk{
		dir: o.Dir, cluster: o.Cluster, domain: o.Domain, logger: o.Logger, limits: o.Limits, full: map[string]bool{}, headers: map[fileHeader]bool{},
		unusable: prometheus.NewGauge(prometheus.GaugeOpts{Name: "mizzen_history_unusable_files", Help: "Files of the saved history that could not be used at the start."}),
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
	defer s.disk.unlock()
	for {
		s.save(false)
		select {
		case <-s.wake:
		case <-again.C:
		case <-ctx.Done():
			s.save(true)
			return nil
		}
	}
}

// batch is what is to be saved: copies, and what does not change.
type batch struct {
	generations []generation
	full        []allObjects
	held        []heldSet
	// merged are the names of files of generations that others have the changes of.
	merged []string
	// newest is the number of the newest generation.
	newest int
	// kept are the names of the files of all generations, with those that have all objects.
	kept map[string]bool
}

// allObjects are all objects of a generation, for a file with that name.
type allObjects struct {
	file    string
	objects mesh.Map[*mesh.Manifest]
	of      mesh.Fingerprint
}

// unsaved returns what is to be saved: at the end with all objects of the newest generation.
func (s *Store) unsaved(end bool) batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := batch{kept: map[string]bool{}, held: slices.Clone(s.held), merged: slices.Clone(s.merged)}
	full, newest, last := 0, 0, len(s.generations)-1
	for i, g := range s.generations {
		out.newest, out.kept[fileOf(g)] = g.Number, true
		if name := fileOf(g) + fullSuffix; s.disk.full[name] {
			out.kept[name] = true
			full, newest = full+1, i
		}
		if reach := g.reach(); g.saved == nil || *g.saved != reach {
			one := *g
			one.Generation, one.saved = s.view(i), &reach
			out.generations = append(out.generations, one)
		}
	}
	due := map[int]bool{}
	switch {
	case last < 0:
	case full == 0:
		due[0], due[last] = true, true
	case full == 1, end, last-newest >= max(fullEvery, last/fullShare):
		due[last] = newest < last
	}
	for i, is := range due {
		if name := fileOf(s.generations[i]) + fullSuffix; is {
			out.full = append(out.full, allObjects{name, s.set(i), s.generations[i].fingerprint})
			out.kept[name] = true
		}
	}
	return out
}

// save writes what is not saved yet. A failure is told, and the generations stay in memory, as they do while another process saves.
func (s *Store) save(end bool) {
	d := s.disk
	if ok, err := d.lock(); err != nil || !ok {
		d.tell(err)
		return
	}
	s.mu.Lock()
	identified := s.identified
	s.mu.Unlock()
	if !identified {
		return // there is nothing to save yet
	}
	todo := s.unsaved(end)
	saved, err := d.write(todo)
	if err == nil {
		err = d.remove(todo.merged)
	}
	s.mu.Lock()
	for _, g := range s.generations {
		if reach := saved[g.Number]; reach != nil {
			g.saved = reach
		}
	}
	if err == nil {
		s.merged = s.merged[len(todo.merged):]
	}
	s.mu.Unlock()
	if err == nil && !d.alone && todo.newest >= d.first {
		err = d.removeOthers(todo.kept)
		d.alone = err == nil
	}
	if err == nil || errors.Is(err, syscall.ENOSPC) {
		err = errors.Join(err, d.trim(todo.kept, d.room()))
	}
	d.tell(err)
}

// write writes what is to be saved, and returns how far the generations that it wrote had reached clients, by their numbers.
func (d *disk) write(todo batch) (saved map[int]*serving.Reach, err error) {
	saved = map[int]*serving.Reach{}
	for i := range todo.generations {
		g := &todo.generations[i]
		if err := d.writeGeneration(g); err != nil {
			return saved, err
		}
		saved[g.Number] = g.saved
	}
	for _, all := range todo.full {
		if err := d.writeObjects(all); err != nil {
			return saved, err
		}
		d.full[all.file] = true
	}
	return saved, d.writeHeld(todo.held)
}

// lock makes this process the one that saves in the folder, until unlock. ok is false if another process is.
func (d *disk) lock() (ok bool, err error) {
	if d.locked != nil {
		return true, nil
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return false, err
	}
	file, err := os.OpenFile(d.file(lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return false, err
	}
	if ok, err = lock(file); !ok {
		err = errors.Join(err, file.Close())
	}
	switch {
	case err != nil:
		return false, fmt.Errorf("lock the folder of the history: %w", err)
	case ok:
		d.locked = file
	case !d.waiting:
		d.logger.Info("another process saves the history in this folder; this one keeps it in memory, and saves it when the other one ends", "path", d.dir)
	}
	d.waiting = !ok
	return ok, nil
}

// unlock lets another process save in the folder.
func (d *disk) unlock() {
	if d.locked != nil {
		_ = d.locked.Close() // nothing was written to it
		d.locked = nil
	}
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

// removeOthers removes the files of generations that another process saved while this one had them in memory alone.
func (d *disk) removeOthers(kept map[string]bool) error {
	files, _, err := d.list()
	for _, file := range files {
		if file.number >= d.first && !kept[file.name] {
			err = errors.Join(err, os.Remove(d.file(file.name)))
		}
	}
	return err
}

// list returns the files of the history by their numbers, one with all objects before that of its generation, and the room that they take. It
// removes drafts without a writer.
func (d *disk) list() (files []fileID, sizes map[fileID]int64, err error) {
	entries, err := os.ReadDir(d.dir)
	sizes = map[fileID]int64{}
	for _, entry := range entries {
		info, gone := entry.Info()
		if gone != nil {
			continue // another process removed it
		}
		file, ok := fileNamed(entry.Name())
		switch {
		case ok:
			files = append(files, file)
			sizes[file] = (info.Size() + block - 1) / block * block
		case strings.HasSuffix(entry.Name(), ".new") && time.Since(info.ModTime()) > draftAge:
			err = errors.Join(err, os.Remove(d.file(entry.Name())))
		}
	}
	mesh.SortFunc(files, func(a, b fileID) int {
		return cmp.Or(cmp.Compare(a.number, b.number), strings.Compare(a.id, b.id), cmp.Compare(len(b.name), len(a.name)))
	})
	return files, sizes, err
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
		s.disk.unusable.Collect(out)
	}
}

var _ prometheus.Collector = (*Store)(nil)

// fileOf returns the name of a generation's file.
func fileOf(g *generation) string { return fileName(g.Number, g.ID) }

// replace writes a file of the folder.
func (d *disk) replace(name string, lines *lineWriter) error {
	_, err := lastgood.Replace(d.file(name), lines.writeTo)
	return err
}
