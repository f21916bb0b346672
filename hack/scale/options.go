package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// options are the flags.
type options struct {
	// The objects.
	services, endpoints, ports int
	rules                      float64
	gateway                    bool
	policies                   int
	files, kubeconfig          string
	keep                       bool
	// The streams.
	streams, names, drawn, connections, dialing int
	// The server.
	server, exec, metrics string
	pid                   int
	raw                   bool
	// The scenarios.
	scenarios                    []string
	rounds, burst, rate          int
	settle, flood, soak, timeout time.Duration
	repeat                       int
	seed                         uint64
	client, json                 string
	progress                     io.Writer
}

func parseOptions(args []string, progress io.Writer) (*options, error) {
	o := &options{progress: progress}
	var scenarios string
	f := flag.NewFlagSet("scale", flag.ContinueOnError)
	f.SetOutput(progress)
	f.IntVar(&o.services, "services", 1000, "`number` of services")
	f.IntVar(&o.endpoints, "endpoints", 10, "`number` of endpoints of each service")
	f.IntVar(&o.ports, "ports", 1, "`number` of port numbers that the services share")
	f.Float64Var(&o.rules, "rules", 0.1, "`fraction` of the services with a VirtualService and a DestinationRule")
	f.BoolVar(&o.gateway, "gateway", false, "the rules are GRPCRoutes of the Gateway API, in place of VirtualServices and DestinationRules")
	f.IntVar(&o.policies, "policies", 0,
		"`number` of AuthorizationPolicies: one of the mesh, one of each namespace, the others of a workload each; above 0 the streams are gRPC servers, the pods of the services in turn")
	f.StringVar(&o.files, "files", "", "folder `DIR` to write the objects to, empty or made by an earlier run; without it and -kubeconfig a temporary one")
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "`FILE` of the API server to write the objects to, in place of a folder")
	f.BoolVar(&o.keep, "keep", false, "leave the objects in the API server")
	f.IntVar(&o.streams, "streams", 1000, "`number` of streams")
	f.StringVar(&o.client, "client", "gRPC Go", "`NAME` of the clients, such as mizzen-java-agent, by which the server chooses the form of their resources")
	f.IntVar(&o.names, "names", 10, "`number` of services that each stream asks for")
	f.IntVar(&o.drawn, "drawn", 0, "`number` of services, the first ones, that the streams choose from; 0 is all")
	f.IntVar(&o.connections, "connections", 0, "`number` of connections that the streams share; 0 is one each, as gRPC clients have")
	f.IntVar(&o.dialing, "dialing", 256, "`number` of streams that may be connecting at the same time")
	f.StringVar(&o.server, "server", "", "`HOST:PORT` of a running server")
	f.StringVar(&o.exec, "exec", "", "`COMMAND` that starts the server; {address}, {files}, {kubeconfig} and {metrics} are replaced by their values")
	f.IntVar(&o.pid, "pid", 0, "process `ID` of -server, to measure its CPU and memory")
	f.StringVar(&o.metrics, "metrics", "", "`URL` of the server's Prometheus metrics, to count goroutines; known with -exec and {metrics}")
	f.BoolVar(&o.raw, "raw", false, "play cold, hot and mesh against the limit of gRPC itself, too, and report ratios")
	f.StringVar(&scenarios, "scenarios", "", "`LIST` of "+strings.Join(scenarioNames(clientStreams), ",")+" of clients, or "+
		strings.Join(scenarioNames(serverStreams), ",")+" of servers, in the order given; cold always comes first; empty is "+defaultScenarios[0]+", or "+defaultScenarios[1])
	f.IntVar(&o.rounds, "rounds", 20, "`number` of changes of churn, routes, hot, workload, namespace and mesh, one after the other")
	f.IntVar(&o.burst, "burst", 50, "`number` of changes at once, of burst")
	f.IntVar(&o.rate, "rate", 100, "changes a second, of flood and soak")
	f.DurationVar(&o.flood, "flood", 10*time.Second, "how long flood lasts")
	f.DurationVar(&o.soak, "soak", time.Hour, "how long soak lasts")
	f.DurationVar(&o.settle, "settle", 300*time.Millisecond, "how long nothing must have arrived for a change to be over")
	f.DurationVar(&o.timeout, "timeout", 2*time.Minute, "how long any one step may take")
	f.IntVar(&o.repeat, "repeat", 1, "`number` of repetitions, of which the median and the range are reported")
	f.Uint64Var(&o.seed, "seed", 1, "`number` that the streams' choice of services depends on")
	f.StringVar(&o.json, "json", "", "`FILE` to write all results to")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("%q is no flag", f.Arg(0))
	}
	if scenarios == "" {
		scenarios = defaultScenarios[min(o.policies, 1)]
	}
	o.scenarios = strings.Split(scenarios, ",")
	if o.drawn == 0 {
		o.drawn = o.services
	}
	return o, o.validate()
}

func (o *options) validate() error {
	var errs []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	refuse((o.server == "") == (o.exec == ""), "either -server or -exec is needed: what is measured")
	refuse(o.files != "" && o.kubeconfig != "", "-files and -kubeconfig exclude each other")
	refuse(o.services < 1 || o.services > maxServices, "-services must be 1 to %d", maxServices)
	refuse(o.endpoints < 1 || o.endpoints > maxEndpoints, "-endpoints must be 1 to %d", maxEndpoints)
	refuse(o.ports < 1 || o.ports > maxPorts, "-ports must be 1 to %d", maxPorts)
	refuse(o.rules < 0 || o.rules > 1, "-rules must be 0 to 1")
	refuse(o.streams < 1 || o.streams > maxStreams, "-streams must be 1 to %d", maxStreams)
	refuse(o.drawn < 1 || o.drawn > o.services, "-drawn must be 1 to -services, or 0")
	refuse(o.names < 1 || o.names > o.drawn, "-names must be 1 to -services, or to -drawn")
	refuse(o.connections < 0 || o.dialing < 1, "-connections must not be negative, nor -dialing below 1")
	refuse(min(o.rounds, o.burst, o.rate, o.repeat) < 1, "-rounds, -burst, -rate and -repeat must be 1 or more")
	refuse(min(o.flood, o.soak, o.settle, o.timeout) <= 0, "-flood, -soak, -settle and -timeout must be above 0")
	refuse(max(o.flood, o.soak) > maxDuration, "-flood and -soak must be %v at most", maxDuration)
	refuse(o.policies != 0 && o.policies < fewestPolicies, "-policies must be %d or more, or 0", fewestPolicies)
	refuse(o.policies > maxServices, "-policies must be %d at most", maxServices)
	refuse(o.servers() && o.kubeconfig != "", "-policies needs a folder: servers claim their pods, which has no effect in a cluster")
	names := scenarioNames(o.audience())
	for _, name := range o.scenarios {
		refuse(!slices.Contains(names, name), "there is no scenario %q of such streams: %s", name, strings.Join(names, ", "))
	}
	return errors.Join(errs...)
}

// The bounds protect the machine from a mistyped number, and keep markers within the fields that carry them.
const (
	maxServices  = 100_000
	maxEndpoints = 250
	maxPorts     = 1000
	maxStreams   = 50_000
	maxDuration  = 24 * time.Hour
)

// defaultScenarios are played by clients, and by servers.
var defaultScenarios = [2]string{"cold,churn,burst,routes,flood,storm,reconnect", "cold,workload,namespace,mesh,storm,reconnect"}

// servers reports whether the streams are gRPC servers.
func (o *options) servers() bool { return o.policies > 0 }

func (o *options) audience() audience {
	if o.servers() {
		return serverStreams
	}
	return clientStreams
}

// needs reports whether a stream that has no resource of the kind is not configured yet.
func (o *options) needs(k kind) bool {
	if o.servers() {
		return k == listeners || k == routes
	}
	return k != routes // a Listener may contain them
}

// hot reports whether there is a service that every stream subscribes to.
func (o *options) hot() bool { return slices.Contains(o.scenarios, scenarioHot) }

// reporting is true if the streams report their load.
func (o *options) reporting() bool { return slices.Contains(o.scenarios, scenarioReports) }

// logf prints progress.
func (o *options) logf(format string, args ...any) {
	_, _ = fmt.Fprintf(o.progress, time.Now().Format(time.TimeOnly)+" "+format+"\n", args...)
}

// folder returns the folder for the objects, and a function that removes it if it is temporary.
func (o *options) folder() (dir string, remove func(), err error) {
	if o.files != "" {
		return o.files, func() {}, os.MkdirAll(o.files, 0o750) //nolint:gosec // the user's choice
	}
	dir, err = os.MkdirTemp("", "scale-")
	return dir, func() { _ = os.RemoveAll(dir) }, err //nolint:gosec // made by MkdirTemp
}
