package watch

import (
	"maps"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// holder hands what files hold to an assembler. It looks only at files that changed, and at the objects in them.
type holder struct {
	*assembler
	files map[string]*heldFile
	// claims are all the objects of one key, in the order of the files' names and of their texts. The first holds.
	claims map[objectKey][]*object
}

func newHolder(o Options) *holder {
	return &holder{assembler: newAssembler(o), files: map[string]*heldFile{}, claims: map[objectKey][]*object{}}
}

// changes are the files that are not as they were, by name; nil is one that is gone.
func (h *holder) changes(look *folder) map[string]*heldFile {
	changed := map[string]*heldFile{}
	for name, now := range look.files {
		if h.files[name] != now {
			changed[name] = now
		}
	}
	if look.whole {
		for name := range h.files {
			if _, ok := look.files[name]; !ok {
				changed[name] = nil
			}
		}
	}
	return changed
}

// losses describes the files that would take objects with them if they changed so; empty when none would. As long as nobody
// writes those files again, it stays the same.
func (h *holder) losses(changed map[string]*heldFile) string {
	declared := map[objectKey]struct{}{}
	for _, now := range changed {
		for o := range now.all() {
			declared[o.key] = struct{}{}
		}
	}
	elsewhere := func(o *object) bool {
		_, ok := changed[o.source.File]
		return !ok
	}
	var out []string
	for name, now := range changed {
		for o := range h.files[name].all() {
			if _, again := declared[o.key]; again || slices.ContainsFunc(h.claims[o.key], elsewhere) {
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

// take makes changed files what holds, and problems those of the folder itself. The same objects again are no change.
func (h *holder) take(changed map[string]*heldFile, problems []mesh.Problem) {
	// held are the objects that held until now, by all keys that the files declare or declared.
	held := map[objectKey]*object{}
	for name, now := range changed {
		for o := range h.files[name].all() {
			held[o.key] = h.claims[o.key][0]
		}
		for o := range now.all() {
			held[o.key] = first(h.claims[o.key])
		}
	}
	for key := range held {
		h.claims[key] = slices.DeleteFunc(h.claims[key], func(o *object) bool {
			_, ok := changed[o.source.File]
			return ok
		})
	}
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		h.put(name, changed[name])
	}
	for key, before := range held {
		h.apply(key, before)
	}
	h.note(problems)
}

// put replaces one file and adds its objects to the claims.
func (h *holder) put(name string, file *heldFile) {
	about := problemKey{topicFile, objectKey{kind: kindFile, name: name}}
	if file == nil {
		delete(h.files, name)
		h.problems.put(about, nil)
		return
	}
	h.files[name] = file
	h.problems.put(about, file.problems)
	for o := range file.all() {
		claims := h.claims[o.key]
		behind, _ := slices.BinarySearchFunc(claims, name, func(other *object, name string) int {
			if other.source.File <= name {
				return -1
			}
			return 1
		})
		h.claims[o.key] = slices.Insert(claims, behind, o)
	}
}

// apply hands on which object holds for a key now, and reports the others.
func (h *holder) apply(key objectKey, before *object) {
	var repeated []mesh.Problem
	if claims := h.claims[key]; len(claims) == 0 {
		delete(h.claims, key)
		h.remove(key)
	} else {
		if claims[0] != before {
			h.set(*claims[0])
		}
		for _, o := range claims[1:] {
			repeated = append(repeated, mesh.Problem{
				Code: mesh.CodeDuplicateObject, Severity: mesh.Warning, Object: key.ref(), Source: o.source.At(""),
				Message: "it also stands in " + claims[0].source.At("") + ", which holds; remove one",
			})
		}
	}
	h.problems.put(problemKey{topicFile, key}, repeated)
}

// note replaces the Problems of the folder itself.
func (h *holder) note(problems []mesh.Problem) {
	h.problems.put(problemKey{topic: topicFile}, problems)
}

func first(claims []*object) *object {
	if len(claims) == 0 {
		return nil
	}
	return claims[0]
}
