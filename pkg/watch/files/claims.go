package files

import (
	"maps"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// objectClaims tracks which file declares which object, and which of several declarations of one object is in effect.
// It processes only files that changed, and the objects in them.
type objectClaims struct {
	files map[string]*fileState
	// claims are all declarations of an object, ordered by file name and position. The first is in effect.
	claims map[object.Key][]*object.Object
	// problems are the Problems that were reported last, by what they are about.
	problems map[object.Key][]mesh.Problem
}

func newObjectClaims() *objectClaims {
	return &objectClaims{files: map[string]*fileState{}, claims: map[object.Key][]*object.Object{}, problems: map[object.Key][]mesh.Problem{}}
}

// changes returns the files that changed, by name; nil for a file that is gone.
func (h *objectClaims) changes(current *scan) map[string]*fileState {
	changed := map[string]*fileState{}
	for name, now := range current.files {
		if h.files[name] != now {
			changed[name] = now
		}
	}
	if current.whole {
		for name := range h.files {
			if _, ok := current.files[name]; !ok {
				changed[name] = nil
			}
		}
	}
	return changed
}

// deletions describes the files whose change would delete objects; empty if there are none. It stays the same until
// those files are written again.
func (h *objectClaims) deletions(changed map[string]*fileState) string {
	declared := map[object.Key]struct{}{}
	for _, now := range changed {
		for o := range now.all() {
			declared[o.Key] = struct{}{}
		}
	}
	elsewhere := func(o *object.Object) bool {
		_, ok := changed[o.Source.File]
		return !ok
	}
	var out []string
	for name, now := range changed {
		for o := range h.files[name].all() {
			if _, again := declared[o.Key]; again || slices.ContainsFunc(h.claims[o.Key], elsewhere) {
				continue
			}
			state := "gone"
			if now != nil {
				state = now.info.ModTime().String()
			}
			out = append(out, name+" "+state)
			break
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// take records changed files and the Problems of the folder itself, and returns the resulting changes. Equal objects
// are not a change.
func (h *objectClaims) take(changed map[string]*fileState, problems []mesh.Problem) watch.Changes {
	// before has the object that was in effect until now, for each key that the files declare or declared.
	before := map[object.Key]*object.Object{}
	for name, now := range changed {
		for o := range h.files[name].all() {
			before[o.Key] = h.claims[o.Key][0]
		}
		for o := range now.all() {
			before[o.Key] = first(h.claims[o.Key])
		}
	}
	for key := range before {
		h.claims[key] = slices.DeleteFunc(h.claims[key], func(o *object.Object) bool {
			_, ok := changed[o.Source.File]
			return ok
		})
	}
	c := watch.NewChanges()
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		h.put(name, changed[name], c)
	}
	for key, o := range before {
		h.decide(key, o, c)
	}
	h.report(object.Key{}, problems, c)
	return c
}

// put replaces one file and adds its objects to the claims.
func (h *objectClaims) put(name string, file *fileState, c watch.Changes) {
	about := object.Key{Kind: mesh.KindFile, Name: name}
	if file == nil {
		delete(h.files, name)
		h.report(about, nil, c)
		return
	}
	h.files[name] = file
	h.report(about, file.problems, c)
	for o := range file.all() {
		claims := h.claims[o.Key]
		behind, _ := slices.BinarySearchFunc(claims, name, func(other *object.Object, name string) int {
			if other.Source.File <= name {
				return -1
			}
			return 1
		})
		h.claims[o.Key] = slices.Insert(claims, behind, o)
	}
}

// decide determines which declaration of an object is in effect now, and reports the others.
func (h *objectClaims) decide(key object.Key, before *object.Object, c watch.Changes) {
	var repeated []mesh.Problem
	if claims := h.claims[key]; len(claims) == 0 {
		delete(h.claims, key)
		c.Objects[key] = nil
	} else {
		if claims[0] != before {
			c.Objects[key] = claims[0]
		}
		for _, o := range claims[1:] {
			repeated = append(repeated, mesh.Problem{
				Code: mesh.CodeDuplicateObject, Severity: mesh.Warning, Object: key.Ref(), Source: o.Source.At(""),
				Message: claims[0].Source.At("") + " declares the object, too, and is in effect. This declaration is ignored. Remove one of the two.",
			})
		}
	}
	h.report(key, repeated, c)
}

// report adds Problems about a file, an object or, with the zero key, the folder, unless they did not change.
func (h *objectClaims) report(about object.Key, problems []mesh.Problem, c watch.Changes) {
	if slices.Equal(h.problems[about], problems) {
		return
	}
	c.Problems[about] = problems
	if len(problems) == 0 {
		delete(h.problems, about)
		return
	}
	h.problems[about] = problems
}

func first(claims []*object.Object) *object.Object {
	if len(claims) == 0 {
		return nil
	}
	return claims[0]
}
