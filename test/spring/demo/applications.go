package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"github.com/mizzen-mesh/mizzen/test/controlplane"
)

var (
	springStarted = regexp.MustCompile(`Started App in `)
	springPort    = regexp.MustCompile(`started on port ?(?:\(s\):)? ?(\d+)`)
	nacosStarted  = regexp.MustCompile(`Nacos started successfully|Started App in `)
	lightJVM      = []string{"-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dserver.address=127.0.0.1"}
)

// start starts everything.
func (w *world) start(ctx context.Context) error {
	fmt.Println("Starting a Nacos server, a control plane, Go applications and Spring applications. This takes up to a minute.")
	if err := os.MkdirAll(w.folder(), 0o700); err != nil {
		return err
	}
	for _, version := range []string{"v1", "v2"} {
		a, err := startGoApp(version)
		if err != nil {
			return fmt.Errorf("start go-sc-a %s: %w", version, err)
		}
		w.apps = append(w.apps, a)
	}
	for name, text := range map[string]string{"services.yaml": services(w.apps), "rules.yaml": w.rules.String()} {
		if _, err := w.write(name, text); err != nil {
			return err
		}
	}
	var err error
	if w.program, err = controlplane.Build(ctx, w.dir); err != nil {
		return err
	}
	w.xds, w.admin = "127.0.0.1:0", "127.0.0.1:0"
	if err := w.startPlane(); err != nil {
		return err
	}
	nacos, err := w.startNacos(ctx)
	if err != nil {
		return err
	}
	if err := w.startSpring(ctx, nacos); err != nil {
		return err
	}
	w.service, err = startForwarder("127.0.0.1:" + w.spring["sc-a"].port)
	return err
}

// startPlane starts the control plane, at the addresses that it had before.
func (w *world) startPlane() error {
	plane, err := controlplane.Start(w.program, &w.planeLog, "--files", w.folder(), "--xds-address", w.xds, "--admin-address", w.admin)
	if err != nil {
		return err
	}
	w.plane, w.xds, w.admin = plane, plane.XDS, plane.Admin
	return nil
}

// startNacos starts a Nacos server and returns its address.
func (w *world) startNacos(ctx context.Context) (address string, err error) {
	for range nacosStarts {
		if address, err = w.tryNacos(ctx); err == nil || ctx.Err() != nil {
			break
		}
	}
	return address, err
}

// nacosStarts is how often Nacos is started: on a busy machine its database gives up now and then.
const nacosStarts = 3

func (w *world) tryNacos(ctx context.Context) (string, error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	home, err := os.MkdirTemp(w.dir, "nacos-")
	if err != nil {
		return "", fmt.Errorf("make a folder for Nacos: %w", err)
	}
	args := append(append([]string{}, lightJVM...), "-Dnacos.standalone=true", "-Dnacos.home="+home, fmt.Sprintf("-Dserver.port=%d", port),
		"-Dserver.servlet.contextPath=/nacos", "-jar", w.parts["nacos-server"])
	nacos, err := launch("Nacos", home, nil, w.parts["jdk17"], args...)
	if err != nil {
		return "", err
	}
	w.processes = append(w.processes, nacos)
	_, err = nacos.await(ctx, nacosStarted)
	return fmt.Sprintf("127.0.0.1:%d", port), err
}

// freePort returns a free port whose number + 1000, where Nacos serves gRPC, is free, too.
func freePort() (int, error) {
	for range 100 {
		first, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := first.Addr().(*net.TCPAddr).Port
		second, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+1000))
		_ = first.Close()
		if err == nil {
			return port, second.Close()
		}
	}
	return 0, errors.New("there is no free pair of ports")
}

// startSpring starts sc-a and sc-b: the same stock application under two names. sc-a has the agent.
func (w *world) startSpring(ctx context.Context, nacos string) error {
	bootstrap, err := exec.CommandContext(ctx, filepath.Join(w.dir, "controlplane"), "bootstrap", "--server-uri", w.xds,
		"--node-id", "sc-a", "--namespace", namespace, "--labels", "app=sc-a").Output()
	if err != nil {
		return fmt.Errorf("write the bootstrap of sc-a: %w", err)
	}
	w.spring = map[string]*process{}
	for _, name := range []string{"sc-a", "sc-b"} {
		args := append(append([]string{}, lightJVM...), "-javaagent:"+w.parts["agent"], "-jar", w.parts["nacos35"], "--server.port=0",
			"--spring.main.banner-mode=off", "--spring.application.name="+name, "--spring.cloud.nacos.discovery.server-addr="+nacos,
			"--spring.cloud.nacos.discovery.ip=127.0.0.1", "--spring.cloud.nacos.discovery.username=nacos", "--spring.cloud.nacos.discovery.password=nacos")
		p, err := launch(name, w.dir, []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + string(bootstrap)}, w.parts["jdk17"], args...)
		if err != nil {
			return err
		}
		w.processes = append(w.processes, p)
		w.spring[name] = p
	}
	for _, p := range w.spring {
		if _, err := p.await(ctx, springStarted); err != nil {
			return err
		}
		if p.port, err = p.await(ctx, springPort); err != nil {
			return err
		}
	}
	return w.awaitRegistration(ctx)
}

// awaitRegistration waits until sc-a finds sc-b in Nacos.
func (w *world) awaitRegistration(ctx context.Context) error {
	for end := time.Now().Add(patience); ; {
		if _, err := w.springCall(ctx, "http://sc-b/A", nil, nil); err == nil {
			return nil
		} else if time.Now().After(end) || ctx.Err() != nil {
			return fmt.Errorf("sc-a does not find sc-b in Nacos: %w", err)
		}
	}
}
