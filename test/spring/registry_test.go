//go:build spring

package spring

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/mizzen-mesh/mizzen/test/controlplane"
	"github.com/mizzen-mesh/mizzen/test/spring/provider"
)

// registry is a running Nacos or Eureka server.
type registry struct {
	kind string
	// address is its host and port.
	address string
	stop    func()
}

// args has an application use the registry. Nacos clients of 2.x find gRPC at the port + 1000.
func (r *registry) args(name string) []string {
	common := []string{"--spring.application.name=" + name}
	if r.kind == "nacos" {
		return append(common, "--spring.cloud.nacos.discovery.server-addr="+r.address, "--spring.cloud.nacos.discovery.ip=127.0.0.1",
			"--spring.cloud.nacos.discovery.username=nacos", "--spring.cloud.nacos.discovery.password=nacos")
	}
	return append(common, "--eureka.client.service-url.defaultZone=http://"+r.address+"/eureka/", "--eureka.instance.prefer-ip-address=true",
		"--eureka.instance.ip-address=127.0.0.1", "--eureka.client.registry-fetch-interval-seconds=1",
		"--eureka.client.initial-instance-info-replication-interval-seconds=0", "--eureka.instance.instance-id=${spring.application.name}:${random.value}")
}

// startRegistry starts a registry on free ports. On a busy machine the database of Nacos gives up now and then: it is started again.
func startRegistry(t *testing.T, kind string) *registry {
	t.Helper()
	for range 2 {
		if r, err := tryRegistry(t, kind); err == nil {
			return r
		} else {
			t.Log(err)
		}
	}
	return must(tryRegistry(t, kind))(t)
}

func tryRegistry(t *testing.T, kind string) (*registry, error) {
	t.Helper()
	home, port := t.TempDir(), freePort(t, kind == "nacos")
	r := &registry{kind: kind, address: fmt.Sprintf("127.0.0.1:%d", port)}
	args := []string{"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dserver.address=127.0.0.1", fmt.Sprintf("-Dserver.port=%d", port)}
	ready := "Nacos started successfully"
	if kind == "nacos" {
		args = append(args, "-Dnacos.standalone=true", "-Dnacos.home="+home, "-Dserver.servlet.contextPath=/nacos", "-jar", part(t, "nacos-server"))
	} else {
		ready = "Started App"
		args = append(args, "-jar", part(t, "eureka-server"), "--eureka.client.register-with-eureka=false", "--eureka.client.fetch-registry=false",
			"--eureka.server.wait-time-in-ms-when-sync-empty=0", "--eureka.server.response-cache-update-interval-ms=500",
			"--eureka.server.enable-self-preservation=false")
	}
	log := &controlplane.Buffer{}
	cmd := exec.Command(part(t, "jdk17"), args...)
	cmd.Dir = home
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	r.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	t.Cleanup(func() {
		r.stop()
		if t.Failed() {
			t.Logf("log of %s:\n%s", kind, tail(log.String(), 5000))
		}
	})
	started := func() bool {
		logs, _ := filepath.Glob(filepath.Join(home, "logs", "*.log"))
		text := log.String()
		for _, name := range logs {
			content, _ := os.ReadFile(name)
			text += string(content)
		}
		return strings.Contains(text, ready)
	}
	hasEnded := func() bool {
		select {
		case <-ended:
			return true
		default:
			return false
		}
	}
	eventually(t, 2*patience, func() error {
		if !started() && !hasEnded() {
			return fmt.Errorf("%s is not ready", kind)
		}
		return nil
	})
	if !started() {
		return nil, fmt.Errorf("%s ended: %v\n%s", kind, cmd.ProcessState, tail(log.String(), 5000))
	}
	return r, nil
}

// freePort returns a free port; with pair its number + 1000 and + 1001 are free, too.
func freePort(t *testing.T, pair bool) int {
	t.Helper()
	for range 100 {
		listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
		port := listener.Addr().(*net.TCPAddr).Port
		_ = listener.Close()
		free := port < 64000
		for _, more := range []int{1000, 1001} {
			if !pair || !free {
				break
			}
			other, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+more))
			if free = err == nil; free {
				_ = other.Close()
			}
		}
		if free {
			return port
		}
	}
	t.Fatal("no free ports")
	return 0
}

// register has a pod in the registry under a name, as its own client would.
func (r *registry) register(t *testing.T, app *application, service string, pod *provider.Pod) {
	t.Helper()
	c := call{Method: "POST", Headers: map[string]string{}}
	want := http.StatusOK
	if r.kind == "nacos" {
		c.URL = fmt.Sprintf("http://127.0.0.1:%s/register?service=%s&ip=127.0.0.1&port=%d&version=%s", app.port, service, pod.Port(), pod.Version)
	} else {
		want = http.StatusNoContent
		c.URL = "http://" + r.address + "/eureka/apps/" + strings.ToUpper(service)
		c.Headers["Content-Type"] = "application/json"
		c.Body = fmt.Sprintf(`{"instance": {"instanceId": %q, "hostName": "127.0.0.1", "app": %q, "vipAddress": %q, "ipAddr": "127.0.0.1", "status": "UP",
			"port": {"$": %d, "@enabled": "true"}, "securePort": {"$": 443, "@enabled": "false"}, "metadata": {"version": %q},
			"leaseInfo": {"durationInSecs": 600}, "dataCenterInfo": {"@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", "name": "MyOwn"}}}`,
			pod.Name, strings.ToUpper(service), service, pod.Port(), pod.Version)
	}
	if o := request(c); o.Status != want {
		t.Fatalf("register %s: got %v, want status %d", service, o, want)
	}
}

// modes are the modes of the agent, and where calls go: to the pods of the mesh, m, and to those of the registry, r.
var modes = []struct {
	mode, both, onlyMesh, onlyRegistry string
}{
	{"mesh-first", "m", "m", "r"},
	{"merge", "m r", "m", "r"},
	{"registry-first", "r", "m", "r"},
	{"off", "r", "", "r"},
}

// TestRegistry has an application with a registry call services of the registry, of the mesh, and of both, in each mode.
func TestRegistry(t *testing.T) {
	for _, kind := range []string{"nacos", "eureka"} {
		t.Run(kind, func(t *testing.T) {
			registry, plane := startRegistry(t, kind), newPlane(t)
			services := map[string]*service{}
			var options []string
			for _, m := range modes {
				for _, where := range []string{"both", "mesh"} {
					name := m.mode + "-" + where
					services[name] = newService(t, plane, name, "", "m:v1", "")
					options = append(options, "-Dmizzen.mode."+name+"="+m.mode)
				}
				options = append(options, "-Dmizzen.mode."+m.mode+"-registry="+m.mode)
			}
			plane.start()
			bootstrap := "GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap()
			jar := kind + "35"
			app := start(t, launch{jar: jar, jdk: "jdk17", args: registry.args("sc-a"), options: options, env: []string{bootstrap}})
			for _, m := range modes {
				for _, where := range []string{"both", "registry"} {
					pod := must(provider.Start("r", "v1"))(t)
					t.Cleanup(func() { _ = pod.Refuse() })
					registry.register(t, app, m.mode+"-"+where, pod)
				}
			}
			check := func(t *testing.T) {
				for _, m := range modes {
					for _, c := range []string{"RestTemplate", "RestClient", "WebClient", "Feign"} {
						s := &scene{t: t, app: app, client: app.client(c), library: c}
						s.reaches(m.mode+"-both", m.both)
						s.reaches(m.mode+"-mesh", m.onlyMesh)
						s.reaches(m.mode+"-registry", m.onlyRegistry)
						s.reaches(m.mode+"-both:7000", "r") // a port that the mesh does not know
						s.reaches(m.mode+"-mesh:7000", "")
					}
				}
			}
			t.Run("modes", check)
			t.Run("registration", func(t *testing.T) {
				eventually(t, patience, func() error {
					var got []string
					if err := app.get("/instances?service=sc-a", &got); err != nil {
						return err
					}
					if want := []string{"127.0.0.1:" + app.port}; !slices.Equal(got, want) {
						return fmt.Errorf("the application is registered as %v, want %v", got, want)
					}
					return nil
				})
			})
			t.Run("discovery", func(t *testing.T) {
				var got []string
				if err := app.get("/services", &got); err != nil {
					t.Fatal(err)
				}
				for _, want := range []string{"sc-a", "mesh-first-mesh", "merge-both", "registry-first-registry"} {
					if !slices.Contains(got, want) {
						t.Errorf("DiscoveryClient has the services %v, want %s among them", got, want)
					}
				}
			})
			t.Run("registry down", func(t *testing.T) {
				registry.stop()
				check(t)
			})
		})
	}
}

// reaches waits until calls to a service reach these pods, and no others. Without pods calls must fail.
func (s *scene) reaches(service, pods string) {
	s.t.Helper()
	want := strings.Fields(pods)
	eventually(s.t, patience, func() error {
		got := map[string]bool{}
		outcomes := s.do(call{URL: "http://" + service + "/A", Count: 20})
		for _, o := range outcomes {
			if o.Status == 200 {
				got[o.answer().Pod] = true
			}
		}
		if n := count(outcomes, failed); n > 0 && len(want) > 0 {
			return fmt.Errorf("%s: %d of 20 calls to %s failed; the first outcome: %v", s.library, n, service, outcomes[0])
		}
		if len(got) != len(want) {
			return fmt.Errorf("%s: calls to %s reach %v, want %v", s.library, service, got, want)
		}
		for _, pod := range want {
			if !got[pod] {
				return fmt.Errorf("%s: calls to %s reach %v, want %v", s.library, service, got, want)
			}
		}
		return nil
	})
}
