package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// adminPort is the port of the admin address in the manifests. It listens on loopback.
const adminPort = 15014

// controlPlaneSelector selects the control plane's pods.
const controlPlaneSelector = "app.kubernetes.io/name=mizzen"

// replica is one control plane.
type replica struct {
	// name is the name of its pod; empty if it is requested by its address.
	name    string
	address string
	// err is why it cannot be requested.
	err error
}

// choice is one replica to forward a port to, in place of all. The group ends when the forwarding does.
type choice struct {
	// name is the name of its pod; empty for the first one.
	name string
	// port is the local port, unless another process has it.
	port int
	// names are set to the names of all replicas.
	names []string
}

// of keeps the chosen replica of those that run.
func (c *choice) of(running []unstructured.Unstructured) ([]unstructured.Unstructured, error) {
	for i := range running {
		c.names = append(c.names, running[i].GetName())
	}
	if c.name == "" {
		return running[:1], nil
	}
	at := slices.Index(c.names, c.name)
	if at < 0 {
		return nil, fmt.Errorf("there is no replica %s: those that run are %s", c.name, strings.Join(c.names, ", "))
	}
	return running[at : at+1], nil
}

// localPort returns the local port to forward; 0 picks a free one.
func (c *choice) localPort() int {
	if c == nil {
		return 0
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", c.port))
	if err != nil {
		return 0
	}
	_ = listener.Close() // only whether it is free matters
	return c.port
}

// forwardAll forwards a local port to the admin address of every replica in a cluster, or of the chosen one, through its API
// server, until ctx ends. group runs the forwarding. It fails if no replica can be reached; if only some cannot, these have
// an err.
func forwardAll(ctx context.Context, group *errgroup.Group, config *rest.Config, namespace string, only *choice) ([]replica, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("reach the cluster: %w", err)
	}
	paths, err := pathClient(config)
	if err != nil {
		return nil, err
	}
	pods, err := client.Resource(corev1.SchemeGroupVersion.WithResource("pods")).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: controlPlaneSelector})
	if err != nil {
		return nil, fmt.Errorf("look for the control plane's pods in namespace %s: %w", namespace, err)
	}
	running := slices.DeleteFunc(pods.Items, func(p unstructured.Unstructured) bool {
		phase, _, _ := unstructured.NestedString(p.Object, "status", "phase")
		return phase != string(corev1.PodRunning) || p.GetDeletionTimestamp() != nil
	})
	if len(running) == 0 {
		return nil, fmt.Errorf("no pod with the label %s runs in namespace %s (see --mizzen-namespace, or give --address)", controlPlaneSelector, namespace)
	}
	mesh.SortFunc(running, func(a, b unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	if only != nil {
		if running, err = only.of(running); err != nil {
			return nil, err
		}
	}
	var all []replica
	var failures []error
	for i := range running {
		one := replica{name: running[i].GetName()}
		url := paths.Post().Resource("pods").Namespace(namespace).Name(one.name).SubResource("portforward").URL()
		dialer, err := dialerTo(config, url.String())
		if err == nil {
			one.address, err = forward(ctx, group, dialer, only)
		}
		if err != nil {
			one.err = fmt.Errorf("forward a port of pod %s: %w", one.name, err)
			failures = append(failures, one.err)
		}
		all = append(all, one)
	}
	if len(failures) == len(all) {
		return nil, errors.Join(failures...)
	}
	return all, nil
}

// forward opens a local port for the admin port behind the dialer, and returns the local address.
func forward(ctx context.Context, group *errgroup.Group, dialer httpstream.Dialer, only *choice) (string, error) {
	ready := make(chan struct{})
	ports := []string{fmt.Sprintf("%d:%d", only.localPort(), adminPort)}
	forwarder, err := portforward.NewOnAddressesForStreaming(dialer, []string{"127.0.0.1"}, ports, ctx.Done(), ready, io.Discard, io.Discard)
	if err != nil {
		return "", err
	}
	failed := make(chan error, 1)
	group.Go(func() error {
		if err := forwarder.ForwardPorts(); err != nil && ctx.Err() == nil {
			failed <- err
			if only != nil {
				return fmt.Errorf("the connection to the replica ended: %w", err)
			}
		}
		return nil
	})
	select {
	case <-ready:
	case err := <-failed:
		return "", err
	case <-ctx.Done():
		return "", ctx.Err()
	}
	open, err := forwarder.GetPorts()
	if err != nil {
		return "", err
	}
	if len(open) != 1 {
		return "", errors.New("no port was opened")
	}
	return fmt.Sprintf("127.0.0.1:%d", open[0].Local), nil
}

// dialerTo uses WebSocket to the API server, and SPDY if the server is too old for WebSocket or a proxy blocks it.
func dialerTo(config *rest.Config, address string) (httpstream.Dialer, error) {
	request, err := http.NewRequest(http.MethodPost, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	older := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, request.URL)
	newer, err := portforward.NewSPDYOverWebsocketDialerForStreaming(request.URL, config)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialerForStreaming(newer, older, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}
