package history

import (
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// Limits bound what is kept: generations, their bytes in memory, and those of the files in the folder.
type Limits struct {
	Generations, Bytes int
	Folder             int64
}

// InMemory are the Limits without a folder, and OnDisk those with one.
var (
	InMemory = Limits{Generations: 100, Bytes: 16 << 20}
	OnDisk   = Limits{Generations: 1000, Bytes: 16 << 20, Folder: 64 << 20}
)

// Options are the settings of a Store.
type Options struct {
	Limits Limits
	// Dir is the folder in which generations survive the process; empty for none. Cluster, which is its URL, and Domain identify the
	// cluster until its UID is known: what is there of another one is not used.
	Dir             string
	Cluster, Domain string
	// Source makes the Worlds of generations; nil makes none.
	Source Source
	// Logger may be nil.
	Logger *slog.Logger
}

// Store keeps generations. It is safe for concurrent use.
type Store struct {
	options Options
	// disk is nil without a folder. wake has a value if something is to be saved.
	disk *disk
	wake chan struct{}
	// rebuilding has a value while a caller makes Worlds.
	rebuilding chan struct{}

	// mu protects the fields below.
	mu sync.Mutex
	// generations are the oldest first. size is about how many bytes they keep.
	generations []*generation
	size        int
	// tenants counts the generations that changed objects of a namespace. merged are the names of the files of generations that
	// others have the changes of, and that are to be removed.
	tenants map[string]int
	merged  []string
	// held are generations that pins name, the one that was asked for last at the end.
	held []heldSet
	// next is the number of the next generation: above those of all files, so that the order of numbers is that of generations,
	// also after a clock was set back.
	next int
	// current is the set of the newest generation, and fingerprint its Fingerprint. Sets of older generations are made of it.
	current     mesh.Map[*mesh.Manifest]
	fingerprint mesh.Fingerprint
	// domain is the cluster's DNS domain.
	domain string
	// identified is true after the cluster was read: it is known whose files are in the folder.
	identified bool
	// apart is true if the texts of restored generations are copies of those that the cluster's objects have.
	apart bool
}

// generation is a Generation, and how it follows from the one before.
type generation struct {
	Generation

	changes []change
	// effect counts the clients that it reaches; nil for one that another process recorded.
	effect *serving.Effect
	size   int
	// fingerprint is the generation's, and before the one of the generation before.
	fingerprint, before mesh.Fingerprint
	// saved is how far it had reached clients when it was saved; nil if it was not saved.
	saved *serving.Reach
}

// New returns a Store with the generations of the folder, or an empty one.
func New(o Options) *Store {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Limits == (Limits{}) {
		o.Limits = InMemory
	}
	if o.Limits.Folder == 0 {
		o.Limits.Folder = OnDisk.Folder
	}
	s := &Store{options: o, domain: o.Domain, next: 1, tenants: map[string]int{}, wake: make(chan struct{}, 1), rebuilding: make(chan struct{}, 1)}
	if o.Dir != "" {
		s.disk = newDisk(o)
		s.restore()
	}
	return s
}

// Published records the World of a Publication. A World of saved objects is not recorded: it is not the source's own.
func (s *Store) Published(p *serving.Publication) {
	if !p.World.StoredAt.IsZero() {
		return
	}
	s.identify(p.World.ClusterUID)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.domain = p.World.Domain
	first := len(s.generations) == 0
	if !first && s.fingerprint == p.World.Configuration {
		s.current = p.World.Manifests
		s.share()
		return
	}
	changes := changesBetween(s.current, p.World.Manifests)
	before := p.Before
	if before != nil && before.Configuration != s.fingerprint {
		before = nil // It was not recorded.
	}
	g := &generation{effect: p.Effect, fingerprint: p.World.Configuration, before: s.fingerprint}
	g.Number, g.ID, g.At, g.First = s.next, p.World.Configuration.String(), p.At.UTC(), first
	g.Objects = p.World.Manifests.Len()
	if !first {
		g.changes = changes
	}
	g.describe(changes, changedHosts(before, p.World, changes), p.Effect.TakeResources())
	s.add(g)
	s.current, s.fingerprint = p.World.Manifests, p.World.Configuration
	s.share()
	s.trim()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// add adds the newest generation. The caller holds mu.
func (s *Store) add(g *generation) {
	s.generations, s.next = append(s.generations, g), max(s.next, g.Number+1)
	s.count(g)
}

// share makes one copy of what an object was after a generation, and before another one or now: the files of a folder have each
// text twice. The caller holds mu.
func (s *Store) share() {
	if !s.apart {
		return
	}
	s.apart = false
	later := map[string]*mesh.Manifest{}
	for _, g := range slices.Backward(s.generations) {
		g.changes = slices.Clone(g.changes) // they may be written to a file meanwhile
		for i := range g.changes {
			c := &g.changes[i]
			key := c.ref.String()
			m, ok := later[key]
			if !ok {
				m, _ = s.current.Get(key)
			}
			if m.Equal(c.after) {
				c.after = m
			}
			later[key] = c.before
		}
	}
}

// List lists the generations that concern a host, the newest first: at most limit, or all if it is 0. An empty host selects all.
func (s *Store) List(host string, limit int) []Generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Generation{}
	for i, g := range slices.Backward(s.generations) {
		if limit > 0 && len(out) == limit {
			break
		}
		if g.concerns(host) {
			out = append(out, s.view(i))
		}
	}
	return out
}

// view returns a Generation as it is now. The caller holds mu.
func (s *Store) view(i int) Generation {
	g := s.generations[i]
	out := g.Generation
	out.Current, out.Previous = i == len(s.generations)-1, ""
	if i > 0 {
		out.Previous = s.generations[i-1].ID
	}
	reach := g.reach()
	out.Clients, out.Refused, out.Pending = reach.Clients, reach.Refused, reach.Pending
	return out
}

// reach returns how far the generation reached clients by now, or by the end of the process that recorded it.
func (g *generation) reach() serving.Reach {
	if g.effect == nil {
		return serving.Reach{Clients: g.Clients, Refused: g.Refused, Pending: g.Pending}
	}
	return g.effect.Reach()
}

// unknownError is the error about a generation that is not kept.
type unknownError string

func (e unknownError) Error() string { return string(e) }

// find returns the index of the generation that a text names: an ID or the beginning of one, a number, current or previous. If
// several generations have the ID, they have the same contents. The caller holds mu.
func (s *Store) find(text string) (int, error) {
	last := len(s.generations) - 1
	number, err := strconv.Atoi(text)
	switch {
	case last < 0:
		return 0, unknownError("there is no generation yet: the objects were not read, or are those that were saved")
	case text == "current":
		return last, nil
	case text == "previous" && last == 0:
		return 0, unknownError("there is no previous generation: the current one is the oldest that is kept")
	case text == "previous":
		return last - 1, nil
	case err == nil:
		if i := slices.IndexFunc(s.generations, func(g *generation) bool { return g.Number == number }); i >= 0 {
			return i, nil
		}
		return 0, unknownError(fmt.Sprintf("generation %d is not kept: %s", number, s.kept()))
	case !strings.HasPrefix(text, "g-") || len(text) < 3:
		return 0, unknownError(fmt.Sprintf("%q names no generation: write an ID such as %s or the beginning of one, a number, current or previous", text, s.generations[last].ID))
	}
	found := -1
	for i, g := range slices.Backward(s.generations) {
		switch {
		case !strings.HasPrefix(g.ID, text):
		case found < 0:
			found = i
		case s.generations[found].ID != g.ID:
			return 0, unknownError(fmt.Sprintf("%s is the beginning of %s and of %s: write more of it", text, s.generations[found].ID, g.ID))
		}
	}
	if found < 0 {
		return 0, unknownError(fmt.Sprintf("generation %s is not kept: %s", text, s.kept()))
	}
	return found, nil
}

// kept says which generations are kept. The caller holds mu.
func (s *Store) kept() string {
	oldest := s.generations[0]
	return fmt.Sprintf("%d are, from %s of %s on; \"controlplane history\" lists them", len(s.generations), oldest.ID, oldest.At.Format("2006-01-02T15:04:05Z07:00"))
}

// set returns the Manifests of a generation. The caller holds mu.
func (s *Store) set(i int) mesh.Map[*mesh.Manifest] { return undo(s.current, s.generations[i+1:]) }

// manifests returns the ID of the generation that a text names, its objects as they were written, and the cluster's domain.
func (s *Store) manifests(text string) (id string, objects mesh.Map[*mesh.Manifest], domain string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, objects, err = s.named(text)
	return id, objects, s.domain, err
}

// named returns the ID of the generation that a text names, and its objects: also if only pins keep it. The caller holds mu.
func (s *Store) named(text string) (id string, objects mesh.Map[*mesh.Manifest], err error) {
	i, err := s.find(text)
	if err == nil {
		return s.generations[i].ID, s.set(i), nil
	}
	if h, ok := s.heldSet(text); ok {
		return h.id, h.objects, nil
	}
	return "", objects, err
}

// Resolve returns the ID of the generation that a text names: an ID or the beginning of one, a number, current or previous.
func (s *Store) Resolve(text string) (string, error) {
	id, _, _, err := s.manifests(text)
	return id, err
}

// Objects returns the objects of configuration of a generation, converted as they were when the generation was current.
func (s *Store) Objects(text string) (map[object.Key]*object.Object, error) {
	_, manifests, domain, err := s.manifests(text)
	if err != nil {
		return nil, err
	}
	out := make(map[object.Key]*object.Object, manifests.Len())
	for _, m := range manifests.All() {
		o, err := object.FromManifest(m, domain)
		if err != nil {
			return nil, fmt.Errorf("read an object of generation %s: %w", text, err)
		}
		out[o.Key] = &o
	}
	return out, nil
}
