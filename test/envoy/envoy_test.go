//go:build envoy

package envoy

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/test/controlplane"
)

// proxy is a running Envoy.
type proxy struct {
	t     *testing.T
	dir   string
	admin string
	// certified says that it declares the certificate providers.
	certified bool
	log       *controlplane.Buffer
	// Ended is closed when the process has ended.
	ended chan struct{}
}

// protocol is how an Envoy asks the control plane.
type protocol string

const (
	delta protocol = "DELTA_GRPC"
	sotw  protocol = "GRPC"
)

// errNotReady is why a test waits for an Envoy.
var errNotReady = errors.New("its page does not say LIVE")

// baseIDs tell the Envoys of one machine apart, which share memory by their ids.
var baseIDs atomic.Int64

// startEnvoy starts an Envoy in a namespace that follows the control plane. Its listeners are a file, which listen replaces.
func startEnvoy(t *testing.T, m *meshPlane, as protocol, namespace string, listeners ...listener) *proxy {
	t.Helper()
	return startEnvoyWith(t, m, as, place{namespace: namespace}, listeners...)
}

// freeAddress returns an address of this machine on which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	free := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer free.Close()
	return free.Addr().String()
}

// place is where an Envoy runs.
type place struct {
	namespace string
	// zone is REGION/ZONE; it may be empty.
	zone string
	// certificates is the folder of its certificate; it has none if that is empty.
	certificates string
	// egress is where it takes calls of applications beside it. Then all of its listeners come from the control plane.
	egress string
	// xds is where it finds the control plane; the control plane's own address if that is empty.
	xds string
}

// startEnvoyWith starts an Envoy in a place. The files of its secrets are below /etc, so with a certificate it gets a copy of /etc.
func startEnvoyWith(t *testing.T, m *meshPlane, as protocol, at place, listeners ...listener) *proxy {
	t.Helper()
	certificates := at.certificates
	p := &proxy{t: t, dir: t.TempDir(), log: &controlplane.Buffer{}, ended: make(chan struct{})}
	p.listen(listeners...)
	p.admin = freeAddress(t)
	args := []string{"bootstrap", "--for", "envoy", "--server-uri", cmp.Or(at.xds, m.xds), "--namespace", at.namespace, "--node-id", "edge-1", "--envoy-admin", p.admin}
	if at.zone != "" {
		args = append(args, "--zone", at.zone)
	}
	follow := []string{"--config-yaml", fmt.Sprintf("dynamic_resources: {lds_config: {path_config_source: {path: %q}}}", filepath.Join(p.dir, "listeners.json"))}
	if at.egress != "" {
		args, follow = append(args, "--envoy-egress", at.egress), nil
	}
	var before []string
	if certificates != "" {
		for _, provider := range providers {
			args = append(args, "--certificates", provider+"="+certificates)
		}
		for _, provider := range providers {
			for _, name := range []string{provider + "-certificate", provider + "-authorities"} {
				secret := must(exec.Command(binary, append(args, "--envoy-secret", name)...).Output())(t)
				if err := os.WriteFile(filepath.Join(p.dir, name+".json"), secret, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		before = []string{
			"unshare", "--mount", "sh", "-euc", `mkdir -p "$0/etc/mizzen" && cp -a /etc/. "$0/etc" && ln -sfn "$0" "$0/etc/mizzen/sds" && mount --bind "$0/etc" /etc && exec "$@"`, p.dir,
		}
	}
	config := must(exec.Command(binary, args...).Output())(t)
	text := strings.Replace(string(config), `"api_type": "DELTA_GRPC"`, fmt.Sprintf(`"api_type": %q`, as), 1)
	file := filepath.Join(p.dir, "bootstrap.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	before = append(before, program, "-c", file, "--concurrency", "1", "--base-id", strconv.Itoa(os.Getpid()*10+int(baseIDs.Add(1))), "--log-level", "warning", "--drain-time-s", "1", "--parent-shutdown-time-s", "2")
	before = append(before, follow...)
	cmd := exec.Command(before[0], before[1:]...)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("log of Envoy:\n%s", p.log)
		}
	})
	eventually(t, func() error {
		select {
		case <-p.ended:
			t.Fatal("Envoy ended")
		default:
		}
		if text, err := p.get("/ready"); err != nil || strings.TrimSpace(text) != "LIVE" {
			return fmt.Errorf("Envoy is not ready: %q %w", text, errors.Join(err, errNotReady))
		}
		return nil
	})
	return p
}

// providers are the certificate providers of an Envoy with a certificate: those that goldens name.
var providers = []string{"default", "system", "shop", "mesh-ca"}

// listener is one of an operator: an address of this machine whose calls follow routes.
type listener struct {
	name string
	// routes is the RouteConfiguration of the control plane. Without it, cluster gets all calls.
	routes, cluster string
}

// listen replaces the listeners.
func (p *proxy) listen(all ...listener) {
	p.t.Helper()
	resources := []any{}
	for _, l := range all {
		manager := map[string]any{
			"@type":       "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
			"stat_prefix": "edge", "http_filters": filters,
		}
		if l.routes != "" {
			manager["rds"] = map[string]any{"route_config_name": l.routes, "config_source": map[string]any{"ads": map[string]any{}, "resource_api_version": "V3"}}
		} else {
			manager["route_config"] = map[string]any{"virtual_hosts": []any{map[string]any{
				"name": "all", "domains": []string{"*"},
				"routes": []any{map[string]any{"match": map[string]any{"prefix": "/"}, "route": map[string]any{"cluster": l.cluster}}},
			}}}
		}
		resources = append(resources, map[string]any{
			"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "name": l.name,
			"address": map[string]any{"socket_address": map[string]any{"address": "127.0.0.1", "port_value": 0}},
			"filter_chains": []any{map[string]any{"filters": []any{map[string]any{
				"name": "envoy.filters.network.http_connection_manager", "typed_config": manager,
			}}}},
		})
	}
	text := must(json.Marshal(map[string]any{"resources": resources}))(p.t)
	if err := controlplane.Replace(p.dir, "listeners.json", string(text)); err != nil {
		p.t.Fatal(err)
	}
}

// filters are those that docs/clients/envoy.md asks for.
var filters = []any{
	map[string]any{"name": "envoy.filters.http.fault", "typed_config": map[string]any{"@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"}},
	map[string]any{"name": "envoy.filters.http.router", "typed_config": map[string]any{"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}},
}

// get reads a page of Envoy's own.
func (p *proxy) get(path string) (string, error) {
	response, err := (&http.Client{Timeout: 5 * time.Second}).Get("http://" + p.admin + path)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// stats returns the counters and gauges whose names match.
func (p *proxy) stats(pattern string) map[string]int {
	p.t.Helper()
	text := must(p.get("/stats?filter=" + url.QueryEscape(pattern)))(p.t)
	all := map[string]int{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if n, err := strconv.Atoi(value); ok && err == nil {
			all[name] = n
		}
	}
	return all
}

// rejected returns the statistics of rejected updates, and of deprecated fields, that are not 0. There must be such statistics.
func (p *proxy) rejected() error {
	all := p.stats(`update_rejected$|^runtime\.deprecated_feature_use$`)
	if _, ok := all["cluster_manager.cds.update_rejected"]; !ok {
		return fmt.Errorf("there is no statistic about clusters: %v", all)
	}
	for name, n := range all {
		if n != 0 {
			return fmt.Errorf("%s is %d", name, n)
		}
	}
	return nil
}

// address returns where a listener accepts calls.
func (p *proxy) address(name string) string {
	p.t.Helper()
	var found string
	eventually(p.t, func() error {
		text, err := p.get("/listeners")
		if err != nil {
			return err
		}
		match := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + `::(.*)$`).FindStringSubmatch(text)
		if match == nil {
			return fmt.Errorf("no listener %q in %q", name, text)
		}
		found = match[1]
		return nil
	})
	return found
}
