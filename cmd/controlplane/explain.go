package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/explain"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// explainFlags are the flags of explain, before they are parsed.
type explainFlags struct {
	input   inputFlags
	client  clientFlags
	to      string
	call    string
	http    string
	headers []string
	account string
	pod     string
	// at is the generation of the configuration to ask about.
	at     string
	plane  inspectFlags
	output string
}

func newExplain(std stdio) *cobra.Command {
	var flags explainFlags
	cmd := &cobra.Command{
		Use:   "explain [FILE|DIR]...",
		Short: "Show which route a call takes, and why",
		Long: `Follow one call as its client would: which listener answers, which routes were tried and
why each did not match, which clusters get the calls, and which endpoints they have, each
with the objects that it came from.

The objects come from the files of -f. Without -f a running control plane is asked: the one at
--address, at 127.0.0.1:15014, or in the cluster of the kubeconfig, as 'inspect' finds it. With
--pod the client is the one in that pod, with its labels, its node, its kind and version.

If mTLS or policies apply to the endpoints, the answer states how their servers take calls, and
which policy and rule decide. --pod or --service-account names the account of the client.
Without --pod it has a certificate only with --certificate-providers default.
Endpoints that are closed, or that the client cannot call, are named.

With --at the answer is about a generation of the configuration, as 'history' lists them: the
objects as they were, with the endpoints of now.

With --http the call is a plain HTTP call, as Spring Cloud applications with the Java agent make
it. The client is mizzen-java-agent, unless --client or --pod says which. The answer shows the
request that an endpoint gets, or the redirect or the response that the route gives in place of
a call. If the mesh does not know the name, the application's registry decides.

Exit codes: 0 if the call reaches endpoints, or if a redirect or a direct response answers it,
with any status; 1 if such calls fail, all of them or the share of a cluster without endpoints,
if a fault aborts all of them, if a server refuses it, if the name does not exist, and if there is no answer or an input
cannot be read; 2 if the command line makes no sense.`,
		Example: `  controlplane explain -f manifests/demo --as demo --to greeter --call /helloworld.Greeter/SayHello
  controlplane explain --pod shop/web-0 --to cart --call /cart.Cart/Add
  controlplane explain -f examples/spring/mesh --as shop --to greeter --http "GET /hello?x=1" --header x-lane=gray
  controlplane explain --pod shop/web-0 --http "POST http://go-sc-a:8081/a" --header cookie=user=ann
  controlplane explain --pod shop/web-0 --to cart --call /cart.Cart/Add --at previous
  controlplane explain --context kind-mizzen --as shop/web --to cart.shop:grpc \
    --call /cart.Cart/Add --header x-user=ann`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.input.paths = append(flags.input.paths, args...)
			return runExplain(cmd, std, &flags)
		},
	}
	flags.input.register(cmd)
	flags.client.register(cmd)
	f := cmd.Flags()
	f.StringVar(&flags.to, "to", "", "what the client dials, without xds:///: `HOST[:PORT]`")
	f.StringVar(&flags.call, "call", "", "the full name of the method: `/PACKAGE.SERVICE/METHOD`")
	f.StringVar(&flags.http, "http", "", "a plain HTTP call in place of --call: `\"METHOD PATH[?QUERY]\"`, or with a URI, which has the name in place of --to")
	f.StringArrayVar(&flags.headers, "header", nil, "a header or metadata of the call, `NAME=VALUE`; may be repeated")
	f.Lookup(flagNamespace).Usage += ", and of a --pod that states none"
	f.StringVar(&flags.account, "service-account", "", "`NAME` of the client's service account, in its namespace; servers decide by it")
	f.StringVar(&flags.pod, "pod", "", "`NAMESPACE/NAME` of the client's pod, in place of --as and the other flags that describe the client")
	f.StringVar(&flags.at, "at", "", "answer as of this `GENERATION` of the configuration: an ID of 'history', a number, current or previous")
	completeTargets(cmd, std, &flags.input)
	flags.plane.register(f)
	f.StringVarP(&flags.output, "output", "o", "text", "form of the output: `text|json`")
	return cmd
}

func runExplain(cmd *cobra.Command, std stdio, flags *explainFlags) error {
	question, err := flags.question(cmd)
	if err != nil {
		return err
	}
	answer, err := flags.answer(cmd, std, question)
	if err != nil {
		return err
	}
	text := []byte(answer.Text())
	if flags.output == "json" {
		if text, err = json.MarshalIndent(answer, "", "  "); err != nil {
			return err
		}
		text = append(text, '\n')
	}
	if err := std.print(text); err != nil {
		return err
	}
	if answer.Fails {
		return errFound
	}
	return nil
}

func (f *explainFlags) question(cmd *cobra.Command) (explain.Question, error) {
	if err := f.input.namespace.validate(cmd); err != nil {
		return explain.Question{}, err
	}
	q := explain.Question{At: f.at, To: strings.TrimPrefix(f.to, "xds:///"), Call: f.call, Headers: map[string]string{}}
	if cmd.Flags().Changed("http") {
		if err := f.plainHTTP(cmd, &q); err != nil {
			return q, err
		}
	}
	switch {
	case strings.TrimSpace(q.To) == "":
		return q, usageErrorf(cmd, "--to HOST[:PORT] is needed: what the client dials")
	case strings.Contains(q.To, "://"), strings.ContainsAny(q.To, " \t/"):
		return q, usageErrorf(cmd, "--to %q is not HOST[:PORT]: leave out the scheme and the path, or write the URI in --http", q.To)
	case !q.IsHTTP() && f.client.kind.kind.Family() == mesh.FamilyHTTP:
		return q, usageErrorf(cmd, "--%s %s makes plain HTTP calls: describe one with --http \"GET /PATH\"", f.client.kind.written(cmd), f.client.kind.kind)
	case !q.IsHTTP() && (!strings.HasPrefix(f.call, "/") || strings.Count(f.call, "/") != 2):
		return q, usageErrorf(cmd, "--call is needed in the form /PACKAGE.SERVICE/METHOD, not %q; or --http \"GET /PATH\" for a plain HTTP call", f.call)
	case f.output != "text" && f.output != "json":
		return q, usageErrorf(cmd, "unknown output %q: it is one of text, json", f.output)
	}
	if err := errors.Join(f.combination(cmd), f.generation(cmd), f.followed(cmd), f.setHeaders(cmd, &q)); err != nil {
		return q, err
	}
	if f.pod != "" {
		q.Pod = f.podName(cmd)
		q.Client.Namespace, _, _ = strings.Cut(q.Pod, "/")
		return q, nil
	}
	var err error
	q.Client, err = f.client.client(cmd)
	q.Account = mesh.Account{Namespace: q.Client.Namespace, Name: f.account}
	return q, err
}

// plainHTTP reads the call of --http. Its client is the Java agent unless the command line states another one.
func (f *explainFlags) plainHTTP(cmd *cobra.Command, q *explain.Question) error {
	switch kind := f.client.kind.kind; {
	case f.call != "":
		return usageErrorf(cmd, "--call and --http exclude each other: one is a gRPC call, the other a plain HTTP call")
	case f.client.kind.version == "":
		f.client.kind = clientKindFlag{kind: mesh.JavaAgent, version: currentVersion}
	case kind.Family() != mesh.FamilyHTTP:
		return usageErrorf(cmd, "--http is for HTTP clients, and --%s is %s: use --call, or --%[1]s mizzen-java-agent", f.client.kind.written(cmd), kind)
	}
	if err := q.ParseHTTP(f.http); err != nil {
		return usageErrorf(cmd, "--http: %w", err)
	}
	return nil
}

// combination rejects flags that exclude each other, and flags that have no effect.
func (f *explainFlags) combination(cmd *cobra.Command) error {
	fromFiles := len(f.input.paths) > 0
	switch {
	case fromFiles && f.plane.used(cmd):
		return usageErrorf(cmd, "-f excludes --address, --kubeconfig, --context and --%s: the objects come from files, or from a control plane", flagMizzenNamespace)
	case f.pod != "" && !validPod(f.podName(cmd)):
		return usageErrorf(cmd, "--pod is NAMESPACE/NAME, or NAME with --%s, not %q", flagNamespace, f.pod)
	case f.account != "" && (f.pod != "" || !validName(f.account)):
		return usageErrorf(cmd, "--service-account %q is not the NAME of an account, or there is --pod, which has its own", f.account)
	case f.pod != "" && f.client.used(cmd) != "":
		return usageErrorf(cmd, "--pod excludes --%s: the pod says what its client is", f.client.used(cmd))
	case !fromFiles && f.input.namespace.set(cmd) && f.podName(cmd) == f.pod:
		return usageErrorf(cmd, "--%s is for the --pod that states none, and for objects in files: write the namespace of the client in --as", flagNamespace)
	case !fromFiles && f.input.mesh.used(cmd) != "":
		return usageErrorf(cmd, "--%s is for objects in files and needs -f: a control plane has its own", f.input.mesh.used(cmd))
	}
	return nil
}

// followed rejects clients whose calls begin at a listener that the control plane does not know.
func (f *explainFlags) followed(cmd *cobra.Command) error {
	if kind := f.client.kind.kind; kind.Family() == mesh.FamilyEnvoy {
		return usageErrorf(cmd, "--%s is %s, whose listeners are its operator's, so its calls cannot be followed: leave it out for the same call of a gRPC client, or write it as --http", f.client.kind.written(cmd), kind)
	}
	return nil
}

// generation rejects an --at that names no generation, or that has no effect.
func (f *explainFlags) generation(cmd *cobra.Command) error {
	switch {
	case f.at != "" && len(f.input.paths) > 0:
		return usageErrorf(cmd, "-f excludes --at: a control plane has the history")
	case f.at == "" && cmd.Flags().Changed("at"):
		return usageErrorf(cmd, "--at is empty: name a generation; 'controlplane history' lists them")
	}
	return nil
}

// podName returns NAMESPACE/NAME of the client's pod, for which --namespace may have the namespace.
func (f *explainFlags) podName(cmd *cobra.Command) string {
	if f.pod == "" || strings.Contains(f.pod, "/") || !f.input.namespace.set(cmd) {
		return f.pod
	}
	return string(f.input.namespace) + "/" + f.pod
}

func (f *explainFlags) setHeaders(cmd *cobra.Command, q *explain.Question) error {
	for _, header := range f.headers {
		name, value, ok := strings.Cut(header, "=")
		if !ok || name == "" {
			return usageErrorf(cmd, "invalid --header %q: it has the form NAME=VALUE", header)
		}
		if err := q.CheckHeader(name, value); err != nil {
			return usageErrorf(cmd, "--header: %w", err)
		}
		q.Set(name, value)
	}
	return nil
}

func (f *explainFlags) answer(cmd *cobra.Command, std stdio, q explain.Question) (answer *explain.Answer, err error) {
	if len(f.input.paths) > 0 {
		return f.read(cmd, std, q)
	}
	if err := f.plane.validate(cmd); err != nil {
		return nil, err
	}
	err = f.plane.withReplicas(cmd, std, func(ctx context.Context, all replicas) (err error) {
		answer, err = ask(ctx, all, q)
		return err
	})
	return answer, err
}

// read answers from files.
func (f *explainFlags) read(cmd *cobra.Command, std stdio, q explain.Question) (*explain.Answer, error) {
	world, err := f.input.load(cmd, std)
	if err != nil {
		return nil, err
	}
	client, err := q.AsPod(func(namespace, name string, family mesh.Family) (explain.InPod, error) {
		return podOf(world, namespace, name, family)
	})
	if err != nil {
		return nil, err
	}
	q.Unresolved = true
	answer, err := explain.Explain(snapshot.New(world), q)
	if err != nil {
		return nil, err
	}
	answer.Client = client.Description
	return answer, nil
}

// ask returns the answer of the first replica that has one. All replicas serve the same objects, but only one of them
// is connected to the client of a pod, so that an answer about a connected client is preferred.
func ask(ctx context.Context, all replicas, q explain.Question) (*explain.Answer, error) {
	bodies, failures := all.try(ctx, explain.Path+"?"+q.Query())
	var best *explain.Answer
	for i, body := range bodies {
		if failures[i] != nil {
			continue
		}
		// Older control planes do not say whether the call fails.
		answer := &explain.Answer{}
		if err := json.Unmarshal(body, answer); err != nil {
			return nil, fmt.Errorf("parse the answer of %s: %w", all.all[i].address, err)
		}
		answer.Fails = answer.Fails || strings.HasPrefix(answer.Outcome, "the call fails")
		if q.Pod != "" && answer.Client == "" {
			return nil, fmt.Errorf("the control plane at %s is too old for --pod: describe the client with --as", all.all[i].address)
		}
		if q.At != "" && answer.At == "" {
			return nil, fmt.Errorf("the control plane at %s is too old for --at: it keeps no history", all.all[i].address)
		}
		if q.IsHTTP() && !answer.HTTP {
			return nil, fmt.Errorf("the control plane at %s is too old for --http: it knows gRPC clients only", all.all[i].address)
		}
		if best == nil || strings.Contains(answer.Client, ", connected") {
			best = answer
		}
	}
	if best == nil {
		return nil, errors.Join(failures...)
	}
	return best, nil
}
