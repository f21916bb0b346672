//go:build e2e

package e2e

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// nodes are the nodes and their zones.
var nodes = map[string]string{"node-a": "zone-a", "node-b": "zone-b"}

const (
	appPort = 50051
	// preStop is the time in which a pod that is being deleted continues to serve, as pods behind any load balancer
	// must.
	preStop = 300 * time.Millisecond
)

// server answers every call with the name of its pod and the pod's label "version".
type server struct {
	testpb.UnimplementedTestServiceServer

	pod, version string
}

func (s server) UnaryCall(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	return &testpb.SimpleResponse{ServerId: s.version, Hostname: s.pod}, nil
}

// runPod is the Kubelet's Run: it runs a pod as a gRPC server, which drains when it is stopped.
func runPod(pod *corev1.Pod, address string) (stop func(), err error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(appPort)))
	if err != nil {
		return nil, err
	}
	s := grpc.NewServer()
	testpb.RegisterTestServiceServer(s, server{pod: pod.Name, version: pod.Labels["version"]})
	go func() { _ = s.Serve(listener) }()
	return func() {
		<-time.After(preStop)
		s.GracefulStop()
	}, nil
}

// newNamespace creates a namespace for a test. It is not deleted.
func newNamespace(t *testing.T) string {
	t.Helper()
	name := strings.NewReplacer("/", "-", "_", "-").Replace(strings.ToLower(strings.TrimPrefix(t.Name(), "Test")))
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: name + "-"}}
	return must(suite.core.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}))(t).Name
}

// newService creates a Service named echo for all pods with the label app=echo.
func newService(t *testing.T, namespace string) {
	t.Helper()
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "echo"},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "echo"},
			Ports:    []corev1.ServicePort{{Name: "grpc", Port: appPort, TargetPort: intstr.FromInt32(appPort)}},
		},
	}
	must(suite.core.CoreV1().Services(namespace).Create(t.Context(), service, metav1.CreateOptions{}))(t)
}

// newDeployment creates a Deployment named echo-VERSION.
func newDeployment(t *testing.T, namespace, version string, replicas int32) {
	t.Helper()
	labels := map[string]string{"app": "echo", "deployment": version}
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "echo", "deployment": version, "version": version}},
		Spec:       corev1.PodSpec{NodeName: "node-a", Containers: []corev1.Container{{Name: "echo", Image: "echo"}}},
	}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "echo-" + version},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template,
		},
	}
	must(suite.core.AppsV1().Deployments(namespace).Create(t.Context(), deployment, metav1.CreateOptions{}))(t)
}

// editDeployment changes a Deployment, and retries if its controller has written in between.
func editDeployment(t *testing.T, namespace, version string, edit func(*appsv1.DeploymentSpec)) {
	t.Helper()
	deployments := suite.core.AppsV1().Deployments(namespace)
	await(t, "Deployment updated", func() error {
		d, err := deployments.Get(t.Context(), "echo-"+version, metav1.GetOptions{})
		if err != nil {
			return err
		}
		edit(&d.Spec)
		_, err = deployments.Update(t.Context(), d, metav1.UpdateOptions{})
		return err
	})
}

// must fails the test on an error: must(f())(t).
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// await polls another process, such as the API server, until check succeeds.
func await(t *testing.T, what string, check func() error) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("%s: not after %v: %v", what, patience, err)
		}
	}
}
