package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/credentials"

	"github.com/mizzen-mesh/mizzen/internal/admin"
	"github.com/mizzen-mesh/mizzen/internal/ads"
	"github.com/mizzen-mesh/mizzen/internal/certificate"
	"github.com/mizzen-mesh/mizzen/internal/identity"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// The values of --identity.
const (
	identityAuto  = "auto"
	identityProof = "proof"
	identityClaim = "claim"
)

// keysFile is the name of the file in --state-dir with the API server's keys.
const keysFile = "token-keys.json"

// securityFlags define which clients are accepted, and how connections are protected.
type securityFlags struct {
	identity, audience string
	tlsDir             string
	selfSigned         []string
	adminToken         string
	adminHosts         []string
	limits             ads.Limits
}

func (f *securityFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.identity, "identity", identityAuto,
		"how clients are identified: `auto|proof|claim`. proof: require a token, certificate or pod address; claim: also accept the identity "+
			"in the client's xDS node. auto is proof inside a cluster, otherwise claim")
	flags.StringVar(&f.audience, "token-audience", identity.DefaultAudience, "required audience of clients' service account tokens: `AUDIENCE`")
	flags.StringVar(&f.tlsDir, "tls-certificates", "", "`DIR` with tls.crt and tls.key for --xds-tls-address, and ca.crt for clients' certificates; reloaded when they change")
	flags.StringSliceVar(&f.selfSigned, "tls-self-signed", nil, "create a self-signed certificate for these names (`NAME,...`) at start, for development; /ca.crt of the admin address serves it")
	flags.StringVar(&f.adminToken, flagAdminToken, "", "`FILE` with a token of at least 16 characters that --admin-address requires for everything but health and metrics")
	flags.StringSliceVar(&f.adminHosts, flagAdminHosts, nil, "answer requests to --admin-address under these `HOST,...`, beside loopback names and its own host")
	f.limits = ads.DefaultLimits
	flags.IntVar(&f.limits.Streams, "max-streams", ads.DefaultLimits.Streams, "maximum `NUMBER` of streams; 0 means no limit")
	flags.IntVar(&f.limits.StreamsPerClient, "max-streams-per-client", ads.DefaultLimits.StreamsPerClient,
		"maximum `NUMBER` of streams of one client with a proven identity; 0 means no limit")
}

func (f *securityFlags) validate(cmd *cobra.Command, at addresses) error {
	if err := f.validateAdmin(cmd, at.admin); err != nil {
		return err
	}
	tlsAddress := at.tls
	certified := f.tlsDir != "" || len(f.selfSigned) > 0
	switch {
	case f.identity != identityAuto && f.identity != identityProof && f.identity != identityClaim:
		return usageErrorf(cmd, "unknown identity %q: it is one of auto, proof, claim", f.identity)
	case f.tlsDir != "" && len(f.selfSigned) > 0:
		return usageErrorf(cmd, "--tls-certificates and --tls-self-signed exclude each other")
	case tlsAddress != "" && !certified:
		return usageErrorf(cmd, "--xds-tls-address needs --tls-certificates or --tls-self-signed")
	case tlsAddress == "" && certified:
		return usageErrorf(cmd, "--tls-certificates and --tls-self-signed need --xds-tls-address")
	case f.audience == "":
		return usageErrorf(cmd, "--token-audience is empty: set the audience of clients' tokens, such as %s", identity.DefaultAudience)
	case f.limits.Streams < 0 || f.limits.StreamsPerClient < 0:
		return usageErrorf(cmd, "--max-streams and --max-streams-per-client must not be negative")
	}
	return nil
}

// validateAdmin rejects an admin address that other machines can reach without a token.
func (f *securityFlags) validateAdmin(cmd *cobra.Command, address string) error {
	for _, host := range f.adminHosts {
		if !validName(strings.ToLower(host)) && net.ParseIP(host) == nil {
			return usageErrorf(cmd, "--%s has %q: write names or addresses, without a scheme and a port", flagAdminHosts, host)
		}
	}
	if f.adminToken != "" {
		_, err := admin.ReadToken(f.adminToken)
		if err != nil {
			return fmt.Errorf("--%s: %w", flagAdminToken, err)
		}
		return nil
	}
	if !onLoopback(address) {
		return usageErrorf(cmd, "--%s %s can be reached from elsewhere and shows the configuration of the whole mesh: "+
			"give a token with --%s, or let it listen on 127.0.0.1 and serve health and metrics on --%s", flagAdminAddress, address, flagAdminToken, flagMetricsAddress)
	}
	return nil
}

// hosts returns the names under which the admin server is asked: those of --admin-hosts, and the host that it listens on.
func (f *securityFlags) hosts(address string) []string {
	hosts := []string{}
	for _, host := range f.adminHosts {
		hosts = append(hosts, strings.ToLower(host))
	}
	if host, _, err := net.SplitHostPort(address); err == nil && host != "" {
		hosts = append(hosts, strings.ToLower(host))
	}
	return hosts
}

// requiresProof reports whether clients must prove their identity.
func (f *securityFlags) requiresProof(inCluster bool) bool {
	return f.identity == identityProof || f.identity == identityAuto && inCluster
}

// protection has the certificate of the TLS port, and the authority that clients must trust if the certificate was
// created at start.
type protection struct {
	credentials credentials.TransportCredentials
	authority   []byte
}

func (f *securityFlags) protection(logger *slog.Logger) (protection, error) {
	switch {
	case f.tlsDir != "":
		folder, err := certificate.NewFolder(f.tlsDir, logger)
		if err != nil {
			return protection{}, fmt.Errorf("--tls-certificates: %w", err)
		}
		return protection{credentials: credentials.NewTLS(folder.Config())}, nil
	case len(f.selfSigned) > 0:
		signed, err := certificate.NewSelfSigned(f.selfSigned)
		if err != nil {
			return protection{}, fmt.Errorf("--tls-self-signed: %w", err)
		}
		return protection{credentials.NewTLS(signed.Config()), signed.Authority}, nil
	}
	return protection{}, nil
}

// serveAuthority serves the authority that clients must trust.
func (p protection) serveAuthority(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-pem-file")
	_, _ = w.Write(p.authority) // the client may have closed the connection
}

// authenticator returns the options to authenticate clients with the tokens of the source's API server. Pods are set
// later.
func (f *securityFlags) authenticator(source *openSource, m *meshFlags, stateDir string) identity.Options {
	o := identity.Options{TrustDomain: m.trustDomain, TrustDomainAliases: m.trustAliases, AllowUnverified: !f.requiresProof(source.inCluster)}
	if source.fetch != nil {
		file := ""
		if stateDir != "" {
			file = filepath.Join(stateDir, keysFile)
		}
		o.Tokens = identity.NewTokens(identity.NewKeys(source.fetch, file), f.audience)
		source.keys.bind(o.Tokens)
	}
	return o
}

// fetchKeys fetches the keys of tokens before a client sends a token. A failure is logged, so that operators see a
// missing right at start. It is not fatal, because each token that needs the keys fetches them again.
func (p *plane) fetchKeys(ctx context.Context) error {
	if p.identity == nil || p.identity.Tokens == nil || p.addresses.tls == "" {
		return nil
	}
	if err := p.identity.Tokens.FetchKeys(ctx); err != nil && ctx.Err() == nil {
		p.logger.Warn("cannot fetch the keys of service account tokens; retrying when a token arrives", "error", err)
	}
	return nil
}

// worldPods finds pods in the newest World.
type worldPods struct{ store *serving.Store }

var _ identity.Pods = worldPods{}

// PodByName implements identity.Pods.
func (p worldPods) PodByName(cluster, namespace, name string) (*mesh.Pod, bool) {
	return p.store.Current().World().PodByName(cluster, namespace, name)
}

// WorkloadAt implements identity.Pods.
func (p worldPods) WorkloadAt(namespace, account, ip string) (*mesh.Pod, bool) {
	return p.store.Current().World().WorkloadAt(namespace, account, ip)
}

// PodByAddress implements identity.Pods.
func (p worldPods) PodByAddress(ip string) (*mesh.Pod, bool) {
	return p.store.Current().World().PodByAddress(ip)
}
