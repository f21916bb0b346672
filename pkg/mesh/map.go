package mesh

import (
	"hash/maphash"
	"iter"
	"maps"
	"reflect"
	"slices"
)

// mapShards limits what With copies for one changed host: one shard and the array of shards.
const mapShards = 256

var mapSeed = maphash.MakeSeed()

// Map is an immutable map from host to value. With returns a changed copy that shares the unchanged shards, so that
// deriving a World of ten thousand services from the previous one takes a few microseconds. The zero Map is empty.
type Map[V any] struct {
	shards *[mapShards]map[string]V
	n      int
}

// Get returns the value of host.
func (m Map[V]) Get(host string) (V, bool) {
	if m.shards == nil {
		var zero V
		return zero, false
	}
	v, ok := m.shards[shardOf(host)][host]
	return v, ok
}

// Len returns the number of hosts.
func (m Map[V]) Len() int { return m.n }

// All yields every host and value, in no particular order.
func (m Map[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		if m.shards == nil {
			return
		}
		for _, shard := range m.shards {
			for host, v := range shard {
				if !yield(host, v) {
					return
				}
			}
		}
	}
}

// Hosts returns every host, sorted.
func (m Map[V]) Hosts() []string {
	hosts := make([]string, 0, m.n)
	for host := range m.All() {
		hosts = append(hosts, host)
	}
	slices.Sort(hosts)
	return hosts
}

// Differing yields every host of m or old whose values may differ: those of the shards that the Maps do not share. If one was
// derived from the other, that costs as much as the changes between them.
func (m Map[V]) Differing(old Map[V]) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range mapShards {
			now, before := m.shard(i), old.shard(i)
			if reflect.ValueOf(now).UnsafePointer() == reflect.ValueOf(before).UnsafePointer() {
				continue
			}
			for host := range now {
				if !yield(host) {
					return
				}
			}
			for host := range before {
				if _, both := now[host]; !both && !yield(host) {
					return
				}
			}
		}
	}
}

func (m Map[V]) shard(i int) map[string]V {
	if m.shards == nil {
		return nil
	}
	return m.shards[i]
}

// With returns a copy of m in which the hosts of set have the values of set and the hosts of remove are absent.
func (m Map[V]) With(set map[string]V, remove []string) Map[V] {
	if len(set) == 0 && len(remove) == 0 {
		return m
	}
	next := Map[V]{shards: new([mapShards]map[string]V), n: m.n}
	if m.shards != nil {
		*next.shards = *m.shards
	}
	var copied [mapShards]bool
	writable := func(host string) map[string]V {
		i := shardOf(host)
		if !copied[i] {
			copied[i] = true
			shard := make(map[string]V, len(next.shards[i])+1)
			maps.Copy(shard, next.shards[i])
			next.shards[i] = shard
		}
		return next.shards[i]
	}
	for host, v := range set {
		shard := writable(host)
		before := len(shard)
		shard[host] = v
		next.n += len(shard) - before
	}
	for _, host := range remove {
		if _, ok := next.Get(host); ok {
			delete(writable(host), host)
			next.n--
		}
	}
	return next
}

func shardOf(host string) uint64 { return maphash.String(mapSeed, host) % mapShards }
