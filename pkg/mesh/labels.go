package mesh

import (
	"maps"
	"slices"
	"strings"
)

// Labels is a set of labels in canonical form: equal sets are equal strings. It is comparable, so it can be part of a
// cache key. The zero value is the empty set.
type Labels string

// MakeLabels encodes set.
func MakeLabels(set map[string]string) Labels {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(set)) {
		b.WriteString(k)
		b.WriteByte(0)
		b.WriteString(set[k])
		b.WriteByte(0)
	}
	return Labels(b.String())
}

// Get returns the value of key.
func (l Labels) Get(key string) (string, bool) {
	for rest := string(l); rest != ""; {
		k, tail, _ := strings.Cut(rest, "\x00")
		v, next, _ := strings.Cut(tail, "\x00")
		if k == key {
			return v, true
		}
		rest = next
	}
	return "", false
}

// With returns l with another value of key.
func (l Labels) With(key, value string) Labels {
	if got, ok := l.Get(key); ok && got == value {
		return l
	}
	set := l.Map()
	set[key] = value
	return MakeLabels(set)
}

// Match reports whether every label of selector is in l. An empty selector matches everything.
func (l Labels) Match(selector map[string]string) bool {
	for k, want := range selector {
		if got, ok := l.Get(k); !ok || got != want {
			return false
		}
	}
	return true
}

// Map decodes the set.
func (l Labels) Map() map[string]string {
	set := map[string]string{}
	for rest := string(l); rest != ""; {
		k, tail, _ := strings.Cut(rest, "\x00")
		v, next, _ := strings.Cut(tail, "\x00")
		set[k] = v
		rest = next
	}
	return set
}

// LabelKeys is a set of keys of labels. It is comparable.
type LabelKeys string

// MakeLabelKeys makes a set. Empty keys are left out.
func MakeLabelKeys(keys ...string) LabelKeys {
	keys = slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return k == "" })
	slices.Sort(keys)
	return LabelKeys(strings.Join(slices.Compact(keys), ","))
}

// Of returns the labels that have one of the keys.
func (k LabelKeys) Of(l Labels) map[string]string {
	found := map[string]string{}
	if k == "" {
		return found
	}
	for key := range strings.SplitSeq(string(k), ",") {
		if value, ok := l.Get(key); ok {
			found[key] = value
		}
	}
	return found
}
