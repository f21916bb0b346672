package watch

import "github.com/mizzen-mesh/mizzen/pkg/mesh"

// holder hands what files hold to an assembler.
type holder struct {
	*assembler
	files   map[string]*heldFile
	applied map[objectKey]*object
}

func newHolder(o Options) *holder {
	return &holder{assembler: newAssembler(o.Domain, o.RootNamespace), applied: map[objectKey]*object{}}
}

// loses says whether an object would be gone after a look at the files.
func (h *holder) loses(look *folder) bool {
	objects, _ := look.objects()
	for key := range h.applied {
		if _, ok := objects[key]; !ok {
			return true
		}
	}
	return false
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
