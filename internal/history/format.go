package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/lastgood"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// format is the version of the files.
const format = 1

// fileHeader is the first line of each file.
type fileHeader struct {
	Format  int    `json:"format"`
	Cluster string `json:"cluster"`
	Domain  string `json:"domain"`
	// UID is that of the World; empty if it was not known.
	UID string `json:"uid,omitempty"`
}

// same reports whether two headers are of one cluster: several clusters may have one URL, and one cluster several.
func (h fileHeader) same(other fileHeader) bool {
	if h.UID != "" && other.UID != "" {
		return h.UID == other.UID && h.Domain == other.Domain
	}
	return h.Cluster == other.Cluster && h.Domain == other.Domain
}

func (h fileHeader) String() string {
	return fmt.Sprintf("%s with domain %s and UID %q", h.Cluster, h.Domain, h.UID)
}

// storedGeneration is the second line of a generation's file. A line for each change follows.
type storedGeneration struct {
	Generation

	Fingerprint mesh.Fingerprint `json:"fingerprint"`
	Before      mesh.Fingerprint `json:"before"`
}

// storedChange is an object before and after.
type storedChange struct {
	Before *storedManifest `json:"before,omitempty"`
	After  *storedManifest `json:"after,omitempty"`
}

// storedManifest is a Manifest without its hash, which is made of the text.
type storedManifest struct {
	Ref        mesh.Ref        `json:"ref"`
	Text       json.RawMessage `json:"text"`
	Created    time.Time       `json:"created"`
	Generation int64           `json:"generation,omitempty"`
	Manager    string          `json:"manager,omitempty"`
	Operation  string          `json:"operation,omitempty"`
	Written    time.Time       `json:"written"`
	File       string          `json:"file,omitempty"`
}

func storeManifest(m *mesh.Manifest) *storedManifest {
	if m == nil {
		return nil
	}
	return &storedManifest{m.Ref, json.RawMessage(m.Text), m.Created, m.Generation, m.Manager, m.Operation, m.Written, m.File}
}

// manifest is the reverse of storeManifest.
func (s *storedManifest) manifest() *mesh.Manifest {
	if s == nil {
		return nil
	}
	m := mesh.NewManifest(s.Ref, string(s.Text))
	m.Created, m.Generation, m.Manager, m.Operation, m.Written, m.File = s.Created, s.Generation, s.Manager, s.Operation, s.Written, s.File
	return m
}

// lineWriter writes a file, each value as a line of JSON.
type lineWriter struct {
	header fileHeader
	each   func(line func(any) error) error
}

func (l *lineWriter) writeTo(w io.Writer) error {
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(l.header); err != nil {
		return err
	}
	if err := l.each(lines.Encode); err != nil {
		return err
	}
	return out.Flush()
}

func (d *disk) header() fileHeader { return fileHeader{format, d.cluster, d.domain, d.uid} }

func (d *disk) writeGeneration(g *generation) error {
	return d.replace(fileOf(g), &lineWriter{d.header(), func(line func(any) error) error {
		if err := line(storedGeneration{g.Generation, g.fingerprint, g.before}); err != nil {
			return err
		}
		for _, c := range g.changes {
			if err := line(storedChange{storeManifest(c.before), storeManifest(c.after)}); err != nil {
				return err
			}
		}
		return nil
	}})
}

func (d *disk) writeObjects(all allObjects) error {
	return d.replace(all.file, &lineWriter{d.header(), func(line func(any) error) error {
		if err := line(all.of); err != nil {
			return err
		}
		for _, m := range all.objects.All() {
			if err := line(storeManifest(m)); err != nil {
				return err
			}
		}
		return nil
	}})
}

// readLines reads a file: first into head, and then each other line by next.
func (d *disk) readLines(name string, head any, next func(*json.Decoder) error) error {
	return lastgood.Read(d.file(name), func(text io.Reader) error {
		lines := json.NewDecoder(text)
		var header fileHeader
		if err := lines.Decode(&header); err != nil {
			return err
		}
		switch want := d.header(); {
		case header.Format != want.Format:
			return fmt.Errorf("the history has format %d, and this version reads format %d", header.Format, want.Format)
		case !header.same(want):
			d.headers[header] = true
			return fmt.Errorf("the history belongs to cluster %s, not to %s", header, want)
		}
		d.headers[header] = true
		if err := lines.Decode(head); err != nil {
			return err
		}
		for {
			if err := next(lines); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
		}
	})
}

func (d *disk) readGeneration(name string) (*generation, error) {
	var head storedGeneration
	g := &generation{}
	err := d.readLines(name, &head, func(lines *json.Decoder) error {
		var stored storedChange
		if err := lines.Decode(&stored); err != nil {
			return err
		}
		c := change{before: stored.Before.manifest(), after: stored.After.manifest()}
		switch {
		case c.after != nil:
			c.ref = c.after.Ref
		case c.before != nil:
			c.ref = c.before.Ref
		default:
			return errors.New("a change has no object")
		}
		g.changes = append(g.changes, c)
		return nil
	})
	g.Generation, g.fingerprint, g.before = head.Generation, head.Fingerprint, head.Before
	g.Current = false
	g.saved = new(g.reach())
	if err == nil && name != fileOf(g) {
		err = fmt.Errorf("%s has generation %s", d.file(name), fileOf(g))
	}
	return g, err
}

func (d *disk) readObjects(name string) (of mesh.Fingerprint, objects mesh.Map[*mesh.Manifest], err error) {
	all, sum := map[string]*mesh.Manifest{}, mesh.Fingerprint{}
	err = d.readLines(name, &of, func(lines *json.Decoder) error {
		var stored storedManifest
		if err := lines.Decode(&stored); err != nil {
			return err
		}
		m := stored.manifest()
		all[m.Ref.String()], sum = m, sum.Plus(m)
		return nil
	})
	if err == nil && sum != of {
		err = fmt.Errorf("%s does not have the objects that it states", d.file(name))
	}
	return of, objects.With(all, nil), err
}

// fileName is the name of the file of a generation.
func fileName(number int, id string) string { return fmt.Sprintf("%09d-%s", number, id) }
