package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

const (
	namespaces = 10
	firstPort  = 7070
	domain     = "svc.cluster.local"
	// hotService is the one that every stream asks for when there is a hot one.
	hotService = 0
	// pool is how many services change, of each kind. With a folder each has a file of its own, as in a cluster each is an object.
	pool = 200
)

// plan is what there is, and who asks for what. The same options make the same plan.
type plan struct {
	o *options
	// wanted are the services that each stream asks for.
	wanted [][]int
	// subscribers counts the streams that ask for a service.
	subscribers []int
	// moving are services whose endpoints change, and shifting those whose weights do; somebody asks for each of them.
	moving, shifting []int
}

func newPlan(o *options) *plan {
	p := &plan{o: o, wanted: make([][]int, o.streams), subscribers: make([]int, o.services)}
	for id := range p.wanted {
		p.wanted[id] = p.choose(rand.New(rand.NewPCG(o.seed, uint64(id)))) //nolint:gosec // to be repeated, not to be secret
		for _, s := range p.wanted[id] {
			p.subscribers[s]++
		}
	}
	order := rand.New(rand.NewPCG(o.seed, 1<<63)).Perm(o.services) //nolint:gosec // as above
	for _, s := range order {
		switch {
		case p.subscribers[s] == 0 || s == hotService:
		case p.ruled(s):
			p.shifting = append(p.shifting, s)
		default:
			p.moving = append(p.moving, s)
		}
	}
	p.shifting, p.moving = p.shifting[:min(pool, len(p.shifting))], p.moving[:min(pool, len(p.moving))]
	return p
}

func (p *plan) choose(r *rand.Rand) []int {
	var chosen []int
	if p.o.hot() {
		chosen = append(chosen, hotService)
	}
	for len(chosen) < p.o.names {
		if s := r.IntN(p.o.drawn); !slices.Contains(chosen, s) {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

// ruled says whether a service has a VirtualService and a DestinationRule: they are spread evenly, and the hot one has none.
func (p *plan) ruled(s int) bool {
	return int(float64(s+1)*p.o.rules) > int(float64(s)*p.o.rules) && s != hotService
}

// alone says whether a service changes, and how often is not known.
func (p *plan) alone(s int) bool {
	return s == hotService || slices.Contains(p.moving, s) || slices.Contains(p.shifting, s)
}

func (p *plan) name(s int) string      { return namePrefix + strconv.Itoa(s) }
func (p *plan) namespace(s int) string { return namespaceName(s % namespaces) }
func (p *plan) host(s int) string      { return p.name(s) + "." + p.namespace(s) + "." + domain }
func (p *plan) port(s int) int         { return firstPort + s%p.o.ports }

// listener is what a client asks for that dials the service.
func (p *plan) listener(s int) string { return p.host(s) + ":" + strconv.Itoa(p.port(s)) }

const namePrefix = "svc-"

func namespaceName(i int) string { return fmt.Sprint("scale-", i) }

// serviceOf reads the service from the name of its listener; -1 is none.
func serviceOf(listener string) int {
	name, _, _ := strings.Cut(listener, ".")
	s, err := strconv.Atoi(strings.TrimPrefix(name, namePrefix))
	if err != nil || !strings.HasPrefix(name, namePrefix) {
		return -1
	}
	return s
}
