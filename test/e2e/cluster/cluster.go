package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	apiURL       = "https://" + HostIP + ":6443"
	etcdURL      = "http://" + HostIP + ":2379"
	etcdPeerURL  = "http://" + HostIP + ":2380"
	startTimeout = 90 * time.Second
	pollInterval = 20 * time.Millisecond
)

// controllers are the controllers that a mesh depends on. With fewer controllers the cluster starts in half the time.
const controllers = "serviceaccount-controller,serviceaccount-token-controller,namespace-controller," +
	"garbage-collector-controller,deployment-controller,replicaset-controller,endpointslice-controller," +
	"endpointslice-mirroring-controller,endpoints-controller,clusterrole-aggregation-controller," +
	"validatingadmissionpolicy-status-controller"

// Cluster is a running control plane without nodes.
type Cluster struct {
	// APIServer may be stopped and started by a test; its data stays in etcd. AwaitAPI waits until it responds again.
	APIServer *Process

	dir               string
	ca                *authority
	etcd, controllers *Process
}

// Start runs a cluster from the binaries in bin, with its data and logs in dir, and returns when the cluster is ready.
func Start(ctx context.Context, bin, dir string) (*Cluster, error) {
	ca, err := newAuthority()
	if err != nil {
		return nil, err
	}
	if err := ca.writePKI(dir); err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, ca: ca}
	kubeconfig, err := c.Kubeconfig("system:kube-controller-manager")
	if err != nil {
		return nil, err
	}
	c.describe(bin, kubeconfig)
	if err := c.start(ctx); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// Stop stops every process.
func (c *Cluster) Stop() {
	c.controllers.Terminate()
	c.APIServer.Terminate()
	c.etcd.Terminate()
}

// RestartControllers restarts the controllers, so that their backoff after an outage of the API server ends.
func (c *Cluster) RestartControllers() error {
	c.controllers.Terminate()
	return c.controllers.Start()
}

// Config authenticates by a client certificate, as a user in those groups. Members of system:masters may do everything.
func (c *Cluster) Config(user string, groups ...string) (*rest.Config, error) {
	certificate, key, err := c.ca.issue(identity{name: user, groups: groups})
	if err != nil {
		return nil, err
	}
	// A negative QPS removes client-go's limit of five requests a second.
	return &rest.Config{Host: apiURL, QPS: -1, TLSClientConfig: rest.TLSClientConfig{
		CAData: c.ca.pem, CertData: certificate, KeyData: key,
	}}, nil
}

// Kubeconfig writes the result of Config to a file and returns its path.
func (c *Cluster) Kubeconfig(user string, groups ...string) (string, error) {
	config, err := c.Config(user, groups...)
	if err != nil {
		return "", err
	}
	file := clientcmdapi.NewConfig()
	file.Clusters["e2e"] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	file.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificateData: config.CertData, ClientKeyData: config.KeyData}
	file.Contexts["e2e"] = &clientcmdapi.Context{Cluster: "e2e", AuthInfo: user}
	file.CurrentContext = "e2e"
	path := filepath.Join(c.dir, user+".kubeconfig")
	return path, clientcmd.WriteToFile(*file, path)
}

// AwaitAPI waits until the API server is ready. If the process ends, it returns an error with the end of its log.
func (c *Cluster) AwaitAPI(ctx context.Context) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	return await(ctx, c.APIServer, func(ctx context.Context) bool {
		answer, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return err == nil && string(answer) == "ok"
	})
}

func (c *Cluster) describe(bin, kubeconfig string) {
	process := func(name string, args ...string) *Process {
		return NewProcess(c.dir, filepath.Join(bin, name), args...)
	}
	file := func(name string) string { return filepath.Join(c.dir, name) }
	c.etcd = process("etcd", "--name=e2e", "--data-dir="+file("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls="+etcdURL, "--advertise-client-urls="+etcdURL, "--listen-peer-urls="+etcdPeerURL,
		"--initial-advertise-peer-urls="+etcdPeerURL, "--initial-cluster=e2e="+etcdPeerURL)
	c.APIServer = process("kube-apiserver", "--etcd-servers="+etcdURL, "--bind-address="+HostIP,
		"--advertise-address="+HostIP, "--secure-port=6443", "--service-cluster-ip-range=10.96.0.0/16",
		"--tls-cert-file="+file("apiserver.crt"), "--tls-private-key-file="+file("apiserver.key"),
		"--client-ca-file="+file("ca.crt"), "--authorization-mode=Node,RBAC",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file="+file("sa.pub"), "--service-account-signing-key-file="+file("sa.key"))
	c.controllers = process("kube-controller-manager", "--kubeconfig="+kubeconfig, "--leader-elect=false",
		"--authentication-kubeconfig="+kubeconfig, "--authorization-kubeconfig="+kubeconfig, "--bind-address="+HostIP,
		"--service-account-private-key-file="+file("sa.key"), "--root-ca-file="+file("ca.crt"),
		"--use-service-account-credentials", "--controllers="+controllers)
}

func (c *Cluster) start(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Join(c.dir, "etcd"), 0o700); err != nil {
		return err
	}
	if err := errors.Join(c.etcd.Start(), c.APIServer.Start()); err != nil {
		return err
	}
	if err := c.AwaitAPI(ctx); err != nil {
		return err
	}
	if err := c.controllers.Start(); err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	// The controllers create the account that every pod needs. When it exists, they work.
	return await(ctx, c.controllers, func(ctx context.Context) bool {
		_, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err == nil
	})
}

func (c *Cluster) client() (kubernetes.Interface, error) {
	config, err := c.Config("admin", "system:masters")
	if err != nil {
		return nil, err
	}
	config.Timeout = 2 * time.Second
	return kubernetes.NewForConfig(config)
}

// await polls until ready returns true. It fails if the process ends or the time to start is over.
func await(ctx context.Context, p *Process, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for !ready(ctx) {
		select {
		case <-ticker.C:
		case <-p.Done():
			return fmt.Errorf("%s has ended; the end of its log:\n%s", p.name(), p.Log())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w; the end of its log:\n%s", p.name(), ctx.Err(), p.Log())
		}
	}
	return nil
}
