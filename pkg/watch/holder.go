package watch

import (
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// holder hands what files hold to an assembler.
type holder struct {
	*assembler
	files   map[string]*heldFile
	applied map[objectKey]*object
}

func newHolder(o Options) *holder {
	return &holder{assembler: newAssembler(o), applied: map[objectKey]*object{}}
}

// losses describes the files that would take objects with them after a look at the files, as they are now; empty when none
// would. As long as nobody writes those files again, it stays the same.
func (h *holder) losses(look *folder) string {
	objects, _ := look.objects()
	var out []string
	for name, held := range h.files {
		gone := func(o *object) bool {
			_, ok := objects[o.key]
			return !ok && h.applied[o.key] == o
		}
		if !slices.ContainsFunc(held.objects, gone) {
			continue
		}
		state := "gone"
		if now := look.files[name]; now != nil {
			state = now.info.ModTime().String()
		}
		out = append(out, name+" "+state)
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// take makes a look at the files what holds. Files that are as they were hand over the very same objects.
func (h *holder) take(look *folder) {
	objects, problems := look.objects()
	for key := range h.applied {
		if _, ok := objects[key]; !ok {
			h.remove(key)
		}
	}
	for key, o := range objects {
		if h.applied[key] != o {
			h.set(*o)
		}
	}
	h.files, h.applied = look.files, objects
	h.note(problems)
}

// note replaces the Problems of reading.
func (h *holder) note(problems []mesh.Problem) {
	h.problems.put(problemKey{topic: topicFile}, problems)
}
