//go:build spring

package spring

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestExample runs examples/spring as its README does, on free ports.
func TestExample(t *testing.T) {
	const example = "../../examples/spring"
	greeter := filepath.Join(t.TempDir(), "greeter")
	if output, err := exec.Command("go", "build", "-o", greeter, "./"+example+"/greeter").CombinedOutput(); err != nil {
		t.Fatalf("build the greeter: %v\n%s", err, output)
	}
	plane := newPlane(t)
	rules := string(must(os.ReadFile(example + "/mesh/rules.yaml"))(t))
	services := string(must(os.ReadFile(example + "/mesh/greeter.yaml"))(t))
	for version, port := range map[string]int{"v1": 8081, "v2": 8082} {
		free := freePort(t, false)
		services = strings.Replace(services, fmt.Sprintf("port: %d\n", port), fmt.Sprintf("port: %d\n", free), 1)
		cmd := exec.Command(greeter, "-address", fmt.Sprintf("127.0.0.1:%d", free), "-version", version)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
	plane.write("greeter.yaml", services)
	plane.write("rules.yaml", rules)
	plane.start()
	app := start(t, launch{jar: "example", jdk: "jdk17", env: []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap()}})
	hello := func(headers map[string]string, n int) map[string]int {
		got := map[string]int{}
		for range n {
			o := request(call{URL: "http://127.0.0.1:" + app.port + "/hello", Headers: headers})
			if o.Status != http.StatusOK {
				t.Fatalf("got %v, want a greeting", o)
			}
			got[strings.TrimSpace(o.Body)]++
		}
		return got
	}
	if got := hello(nil, 200); got["hello from greeter v1"] < 150 || got["hello from greeter v2"] == 0 {
		t.Errorf("got %v, want about 180 from v1 and 20 from v2", got)
	}
	if got := hello(map[string]string{"baggage": "lane=gray"}, 20); got["hello from greeter v2"] != 20 {
		t.Errorf("in the lane: got %v, want all from v2", got)
	}
	plane.write("rules.yaml", strings.NewReplacer("weight: 90", "weight: 0", "weight: 10", "weight: 100").Replace(rules))
	eventually(t, patience, func() error {
		if got := hello(nil, 10); got["hello from greeter v2"] != 10 {
			return fmt.Errorf("after the edit: got %v, want all from v2", got)
		}
		return nil
	})
}
