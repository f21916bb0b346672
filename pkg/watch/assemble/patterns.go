package assemble

import (
	"slices"
	"strings"
)

// index maps a key to several values, each at most once. Lists are short.
type index[K, V comparable] map[K][]V

func (x index[K, V]) add(key K, value V) {
	if !slices.Contains(x[key], value) {
		x[key] = append(x[key], value)
	}
}

func (x index[K, V]) remove(key K, value V) {
	list := x[key]
	i := slices.Index(list, value)
	switch {
	case i < 0:
	case len(list) == 1:
		delete(x, key)
	default:
		x[key] = slices.Delete(list, i, i+1)
	}
}

// patterns finds what was declared for a host, under its own name or under a wildcard.
type patterns[T comparable] struct {
	exact index[string, T]
	// wild is keyed by the text after the asterisk.
	wild index[string, T]
}

func newPatterns[T comparable]() patterns[T] {
	return patterns[T]{exact: index[string, T]{}, wild: index[string, T]{}}
}

func (p patterns[T]) add(pattern string, value T) {
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok {
		p.wild.add(suffix, value)
		return
	}
	p.exact.add(pattern, value)
}

func (p patterns[T]) remove(pattern string, value T) {
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok {
		p.wild.remove(suffix, value)
		return
	}
	p.exact.remove(pattern, value)
}

// under returns what was declared under exactly that pattern.
func (p patterns[T]) under(pattern string) []T {
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok {
		return p.wild[suffix]
	}
	return p.exact[pattern]
}

// tier is what was declared under one pattern, in no order.
type tier[T any] struct {
	pattern string
	values  []T
}

// tiers returns what applies to a host, the most specific pattern first: the host itself, then the longest wildcard. The
// wildcards for its short name, if it has one, come before those for the host.
func (p patterns[T]) tiers(host, short string) []tier[T] {
	var out []tier[T]
	if list := p.exact[host]; list != nil {
		out = append(out, tier[T]{host, list})
	}
	if len(p.wild) == 0 {
		return out
	}
	for i := range len(short) {
		if list := p.wild[short[i:]]; list != nil && !strings.HasSuffix(host, short[i:]) {
			out = append(out, tier[T]{"*" + short[i:], list})
		}
	}
	for i := range len(host) + 1 {
		if list := p.wild[host[i:]]; list != nil {
			out = append(out, tier[T]{"*" + host[i:], list})
		}
	}
	return out
}

// covers reports whether a pattern matches a host.
func covers(pattern, host string) bool {
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(host, suffix)
	}
	return pattern == host
}
