package cluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// HostIP is the address of the cluster's own processes, and of everything else that is not a pod.
	HostIP = "10.77.0.1"
	// podNetwork is local to the network namespace: any address of it can be bound, dialed, and used as a source.
	podNetwork = "10.77.0.0/16"

	insideVariable = "MIZZEN_E2E_NAMESPACE"
)

// Main runs a test binary inside a new network namespace: it executes the binary again there, and that second process
// calls run and exits with its result. It does not return. Call it first in TestMain.
func Main(run func() int) {
	if os.Getenv(insideVariable) == "" {
		os.Exit(reexecute())
	}
	if err := makeLocal(podNetwork); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: network namespace:", err)
		os.Exit(2)
	}
	os.Exit(run())
}

// reexecute runs this process again, with the same arguments, in new namespaces, and returns its exit code.
func reexecute() int {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		// In its own user namespace the child may configure the network, although it has no privileges outside.
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: this machine allows no network namespaces:", err)
		return 2
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s)
		}
	}()
	err := cmd.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		return 2
	}
	return 0
}

// makeLocal has the same effect as these commands:
//
//	ip link set lo up
//	ip route add local 10.77.0.0/16 dev lo
//	ip route add default dev lo
//
// The default route is for kube-apiserver, which needs one to choose the address that it advertises.
func makeLocal(network string) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return err
	}
	_, local, err := net.ParseCIDR(network)
	if err != nil {
		return err
	}
	index := lo.Attrs().Index
	route := netlink.Route{
		LinkIndex: index, Dst: local, Table: unix.RT_TABLE_LOCAL, Type: unix.RTN_LOCAL, Scope: netlink.SCOPE_HOST,
	}
	if err := netlink.RouteReplace(&route); err != nil {
		return err
	}
	everywhere := &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}
	return netlink.RouteReplace(&netlink.Route{LinkIndex: index, Dst: everywhere})
}
