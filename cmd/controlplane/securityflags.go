package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/credentials"

	"github.com/mizzen-mesh/mizzen/internal/admin"
	"github.com/mizzen-mesh/mizzen/internal/ads"
	"github.com/mizzen-mesh/mizzen/internal/certificate"
	"github.com/mizzen-mesh/mizzen/internal/identity"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// The values of --identity.
const (
	identityAuto  = "auto"
	identityProof = "proof"
	identityClaim = "claim"
)

// keysFile is where the API server's keys are kept in the folder of --state-dir.
const keysFile = "token-keys.json"

// securityFlags say who is let in, and how connections are protected.
type securityFlags struct {
	identity, audience string
	tlsDir             string
	selfSigned         []string
	adminToken         string
	limits             ads.Limits
}

func (f *securityFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.identity, "identity", identityAuto,
		"who clients are: `auto|proof|claim`. proof: by token, certificate or pod address, and nobody else is served; claim: who says nothing "+
			"better is who it says; auto: proof inside a cluster, else claim")
	flags.StringVar(&f.audience, "token-audience", identity.DefaultAudience, "the audience of clients' service account `TOKENS`")
	flags.StringVar(&f.tlsDir, "tls-certificates", "", "`DIR` with tls.crt and tls.key for --xds-tls-address, and ca.crt for clients' certificates; read again when they change")
	flags.StringSliceVar(&f.selfSigned, "tls-self-signed", nil, "make a certificate for these `NAMES` at start, for development; /ca.crt of the admin address shows it")
	flags.StringVar(&f.adminToken, flagAdminToken, "", "`FILE` with a token, of 16 characters or more, that --admin-address asks for before it shows anything but health and metrics")
	f.limits = ads.DefaultLimits
	flags.IntVar(&f.limits.Streams, "max-streams", ads.DefaultLimits.Streams, "`NUMBER` of streams to serve at most; 0 is any")
	flags.IntVar(&f.limits.StreamsPerClient, "max-streams-per-client", ads.DefaultLimits.StreamsPerClient,
		"`NUMBER` of streams of one client that proved who it is; 0 is any")
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
		return usageErrorf(cmd, "--token-audience is empty: name whom clients' tokens are meant for, such as %s", identity.DefaultAudience)
	case f.limits.Streams < 0 || f.limits.StreamsPerClient < 0:
		return usageErrorf(cmd, "--max-streams and --max-streams-per-client must not be negative")
	}
	return nil
}

// validateAdmin keeps configuration and profiles from whoever can reach the address.
func (f *securityFlags) validateAdmin(cmd *cobra.Command, address string) error {
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

// proof says whether clients must prove who they are.
func (f *securityFlags) proof(inCluster bool) bool {
	return f.identity == identityProof || f.identity == identityAuto && inCluster
}

// protection is what the TLS port shows, and what clients need to trust if it was made here.
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

// serveAuthority hands out what clients need to trust.
func (p protection) serveAuthority(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-pem-file")
	_, _ = w.Write(p.authority) // a reader who left needs no answer
}

// authenticator proves clients' identities by the pods of the newest World, and by the tokens of the source's API server.
func (f *securityFlags) authenticator(source *openSource, trustDomain, stateDir string) identity.Options {
	o := identity.Options{TrustDomain: trustDomain, BelieveClaims: !f.proof(source.inCluster)}
	if source.fetch != nil {
		file := ""
		if stateDir != "" {
			file = filepath.Join(stateDir, keysFile)
		}
		o.Tokens = identity.NewTokens(identity.NewKeys(source.fetch, file), f.audience)
	}
	return o
}

// fetchKeys has the keys of tokens at hand before a client brings one. A failure is for operators to see at the start, when a right is
// missing, and not fatal: it is tried again for each token that needs it.
func (p *plane) fetchKeys(ctx context.Context) error {
	if p.who == nil || p.who.Tokens == nil || p.addresses.tls == "" {
		return nil
	}
	if err := p.who.Tokens.FetchKeys(ctx); err != nil && ctx.Err() == nil {
		p.logger.Warn("cannot fetch the keys of service account tokens; it is tried again when one comes", "error", err)
	}
	return nil
}

// worldPods finds pods in the newest World.
type worldPods struct{ store *snapshot.Store }

var _ identity.Pods = worldPods{}

// PodByName implements identity.Pods.
func (p worldPods) PodByName(namespace, name string) (*mesh.Pod, bool) {
	return p.store.Current().World().PodByName(namespace, name)
}

// PodByAddress implements identity.Pods.
func (p worldPods) PodByAddress(ip string) (*mesh.Pod, bool) {
	return p.store.Current().World().PodByAddress(ip)
}
