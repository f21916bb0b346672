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
	serverPort = 50051
	domain     = "svc." + trustDomain
	// hotService is the service that every stream subscribes to in the scenario hot.
	hotService = 0
	// pool is the number of services of each sort that change. In a folder each has its own file, as in a cluster
	// each is an object.
	pool = 200
)

// plan has the objects, and the subscriptions of each stream. The same options give the same plan.
type plan struct {
	o *options
	// wanted has the services that each stream subscribes to. A server is of one service.
	wanted [][]int
	// subscribers counts the streams that subscribe to a service, or the servers of it.
	subscribers []int
	// moving are services whose endpoints change, and shifting are services whose weights change. Each has a
	// subscriber.
	moving, shifting []int
}

func newPlan(o *options) *plan {
	p := &plan{o: o, wanted: make([][]int, o.streams), subscribers: make([]int, o.services)}
	for id := range p.wanted {
		if o.servers() {
			p.wanted[id] = []int{id % o.services}
			p.subscribers[id%o.services]++
			continue
		}
		chooser := id
		if o.reporting() {
			chooser = workload(id) // the pods of a workload call the same services
		}
		p.wanted[id] = p.choose(rand.New(rand.NewPCG(o.seed, uint64(chooser)))) //nolint:gosec // repeatable, not secret
		for _, s := range p.wanted[id] {
			p.subscribers[s]++
		}
	}
	if o.servers() {
		return p // only policies change
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

// ruled reports whether a service has a VirtualService and a DestinationRule. These services are spread evenly; the
// hot one has no rules.
func (p *plan) ruled(s int) bool {
	return int(float64(s+1)*p.o.rules) > int(float64(s)*p.o.rules) && s != hotService
}

// other returns the service with which a ruled one shares its calls if the rules are GRPCRoutes.
func (p *plan) other(s int) int { return (s + namespaces) % p.o.services }

// followers counts the streams that have the endpoints of a service: its subscribers, and those of ruled services that share
// their calls with it.
func (p *plan) followers(s int) int {
	if !p.o.gateway {
		return p.subscribers[s]
	}
	n := 0
	for _, wanted := range p.wanted {
		if slices.ContainsFunc(wanted, func(w int) bool { return w == s || p.ruled(w) && p.other(w) == s }) {
			n++
		}
	}
	return n
}

// mayChange reports whether a service may change during the run.
func (p *plan) mayChange(s int) bool {
	return s == hotService || slices.Contains(p.moving, s) || slices.Contains(p.shifting, s)
}

func (p *plan) name(s int) string      { return namePrefix + strconv.Itoa(s) }
func (p *plan) namespace(s int) string { return namespaceName(s % namespaces) }
func (p *plan) host(s int) string      { return p.name(s) + "." + p.namespace(s) + "." + domain }
func (p *plan) port(s int) int         { return firstPort + s%p.o.ports }

// listener returns the name of the Listener that a client subscribes to when it dials the service, or that a server of
// the service subscribes to.
func (p *plan) listener(s int) string {
	if p.o.servers() {
		return "grpc/server?xds.resource.listening_address=0.0.0.0:" + strconv.Itoa(serverPort)
	}
	return p.host(s) + ":" + strconv.Itoa(p.port(s))
}

const namePrefix = "svc-"

const namespacePrefix = "scale-"

func namespaceName(i int) string { return fmt.Sprint(namespacePrefix, i) }

// serviceOf returns the service whose host is in the name of a resource; -1 if the name contains no host of the plan.
func serviceOf(resource string) int {
	_, rest, _ := strings.Cut(resource, namePrefix)
	number, rest, _ := strings.Cut(rest, ".")
	s, err := strconv.Atoi(number)
	if err != nil || !strings.HasPrefix(rest, namespacePrefix) {
		return -1
	}
	return s
}
