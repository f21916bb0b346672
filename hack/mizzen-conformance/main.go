// Mizzen-conformance acts as a control plane and tells how well an xDS client follows the protocol and gRPC's rules.
//
//	mizzen-conformance [flags] -- PROGRAM ARGUMENTS...
//
// PROGRAM is a small client that is written over the library under test. It finds its control plane by GRPC_XDS_BOOTSTRAP_CONFIG, a
// bootstrap of gRPC. It writes a number on the first line of its output. Then it reads a JSON object on each line of its input:
//
//	{"target": "xds:///kit.test:50051", "method": "/kit.Kit/Call", "count": 5, "parallel": 1, "spacing": 0.01, "timeout": 15}
//
// It makes count calls with an empty message, parallel at a time, with spacing seconds between them and timeout seconds for each. Then it
// writes an array on a line, with an object for each call: the code and the text of its gRPC status, the body of the response as text,
// and its duration in milliseconds:
//
//	[{"code": 0, "text": "", "body": "{\"backend\":\"a\"}", "ms": 1.2}]
//
// It keeps one channel for each target, and ends with its input. The clients in test/interop/clients are such programs. The exit code is 0
// if each check passed, and 1 otherwise.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mizzen-mesh/mizzen/hack/mizzen-conformance/kit"
)

func main() {
	err := command(os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "mizzen-conformance:", err)
		os.Exit(1)
	}
}

func command(args []string, out, errs io.Writer) error {
	f := flag.NewFlagSet("mizzen-conformance", flag.ContinueOnError)
	f.SetOutput(errs)
	var chosen []string
	f.Func("check", "`ID` of a check or name of an area to run, and no others; may be repeated", func(name string) error {
		chosen = append(chosen, name)
		return nil
	})
	list := f.Bool("list", false, "list the checks and end")
	asJSON := f.Bool("json", false, "write the results as JSON")
	trace := f.Bool("trace", false, "write all requests and responses of missed checks")
	parallel := f.Int("parallel", 4, "`NUMBER` of checks that run at the same time")
	wildcard := f.Bool("wildcard", false, "the client subscribes to all Listeners and clusters, as Envoy does")
	patience := f.Duration("patience", 15*time.Second, "`TIME` that the client has for anything that it should do at once; more on a busy machine")
	if err := f.Parse(args); err != nil {
		return err
	}
	checks, err := kit.Checks(chosen...)
	if err != nil {
		return err
	}
	if *list {
		return kit.WriteList(out, checks)
	}
	if f.NArg() == 0 || *parallel < 1 {
		return errors.New("want -parallel of at least 1, and the program of a client after --")
	}
	o := kit.Options{Parallel: *parallel, Patience: *patience, Wildcard: *wildcard}
	results := kit.Run(&kit.Program{Argv: f.Args()}, checks, o)
	if *trace {
		if err := kit.WriteTraces(errs, results); err != nil {
			return err
		}
	}
	if *asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(results)
	} else {
		err = kit.WriteResults(out, results)
	}
	if err != nil {
		return err
	}
	if missed := kit.Missed(results); missed > 0 {
		return fmt.Errorf("%d of %d checks are missed", missed, kit.Applied(results))
	}
	return nil
}
