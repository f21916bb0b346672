package signer

import (
	"context"
	"fmt"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
)

// The names of what the signer reads and writes.
const (
	// Name is the signer's name in PodCertificateRequests.
	Name = "mizzen.dev/spiffe"
	// BundleName is the name of its ClusterTrustBundle.
	BundleName = "mizzen.dev:spiffe:roots"
	// SecretName is the Secret with the desired authority, which an operator or cert-manager writes. StateName is the
	// Secret with the State, which the signer alone writes.
	SecretName = "mizzen-workload-authority" //nolint:gosec // the name of a Secret is none
	StateName  = "mizzen-workload-authority-state"
)

// stateType is the type of the Secret with the State.
const stateType = "mizzen.dev/authority-state"

// requestTimeout bounds a request for one object.
const requestTimeout = 10 * time.Second

// Cluster is what the signer needs of the API server. Secrets are those of its own namespace.
type Cluster interface {
	Secret(ctx context.Context, name string) (*corev1.Secret, error)
	// PutSecret creates a Secret without a resource version, and updates one with it.
	PutSecret(ctx context.Context, secret *corev1.Secret) (*corev1.Secret, error)
	Bundle(ctx context.Context) (*certificatesv1.ClusterTrustBundle, error)
	PutBundle(ctx context.Context, bundle *certificatesv1.ClusterTrustBundle) error
	ListRequests(ctx context.Context, o metav1.ListOptions) (runtime.Object, error)
	WatchRequests(ctx context.Context, o metav1.ListOptions) (watch.Interface, error)
	PutStatus(ctx context.Context, request *certificatesv1.PodCertificateRequest) error
}

// cluster is an API server.
type cluster struct {
	core, certificates rest.Interface
	namespace          string
}

// NewCluster makes a Cluster of an API server.
func NewCluster(config *rest.Config, namespace string) (Cluster, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1 // The number of requests at once is bounded.
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	config.NegotiatedSerializer = serializer.NewCodecFactory(newScheme()).WithoutConversion()
	if config.UserAgent == "" {
		config.UserAgent = rest.DefaultKubernetesUserAgent()
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("reach the cluster: %w", err)
	}
	c := &cluster{namespace: namespace}
	config.APIPath, config.GroupVersion = "/api", &corev1.SchemeGroupVersion
	if c.core, err = rest.RESTClientForConfigAndClient(config, client); err != nil {
		return nil, fmt.Errorf("reach the cluster: %w", err)
	}
	config.APIPath, config.GroupVersion = "/apis", &certificatesv1.SchemeGroupVersion
	if c.certificates, err = rest.RESTClientForConfigAndClient(config, client); err != nil {
		return nil, fmt.Errorf("reach the cluster: %w", err)
	}
	return c, nil
}

// newScheme knows the kinds that the signer uses, and no others: see docs/adr/0015.
func newScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	s.AddKnownTypes(corev1.SchemeGroupVersion, &corev1.Secret{})
	s.AddKnownTypes(certificatesv1.SchemeGroupVersion, &certificatesv1.PodCertificateRequest{}, &certificatesv1.PodCertificateRequestList{}, &certificatesv1.ClusterTrustBundle{})
	metav1.AddToGroupVersion(s, corev1.SchemeGroupVersion)
	metav1.AddToGroupVersion(s, certificatesv1.SchemeGroupVersion)
	return s
}

func (c *cluster) Secret(ctx context.Context, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	return secret, c.core.Get().Namespace(c.namespace).Resource("secrets").Name(name).Timeout(requestTimeout).Do(ctx).Into(secret)
}

func (c *cluster) PutSecret(ctx context.Context, secret *corev1.Secret) (*corev1.Secret, error) {
	request := c.core.Post()
	if secret.ResourceVersion != "" {
		request = c.core.Put().Name(secret.Name)
	}
	written := &corev1.Secret{}
	return written, request.Namespace(c.namespace).Resource("secrets").Timeout(requestTimeout).Body(secret).Do(ctx).Into(written)
}

func (c *cluster) Bundle(ctx context.Context) (*certificatesv1.ClusterTrustBundle, error) {
	bundle := &certificatesv1.ClusterTrustBundle{}
	return bundle, c.certificates.Get().Resource("clustertrustbundles").Name(BundleName).Timeout(requestTimeout).Do(ctx).Into(bundle)
}

func (c *cluster) PutBundle(ctx context.Context, bundle *certificatesv1.ClusterTrustBundle) error {
	request := c.certificates.Post()
	if bundle.ResourceVersion != "" {
		request = c.certificates.Put().Name(bundle.Name)
	}
	return request.Resource("clustertrustbundles").Timeout(requestTimeout).Body(bundle).Do(ctx).Error()
}

// ofSigner selects the requests for this signer.
const ofSigner = "spec.signerName=" + Name

func (c *cluster) ListRequests(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	return c.requests(o).Do(ctx).Get()
}

func (c *cluster) WatchRequests(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	o.Watch = true
	return c.requests(o).Watch(ctx)
}

func (c *cluster) requests(o metav1.ListOptions) *rest.Request {
	o.FieldSelector = ofSigner
	request := c.certificates.Get().Resource("podcertificaterequests").VersionedParams(&o, metav1.ParameterCodec)
	if o.TimeoutSeconds != nil {
		request.Timeout(time.Duration(*o.TimeoutSeconds) * time.Second)
	}
	return request
}

func (c *cluster) PutStatus(ctx context.Context, r *certificatesv1.PodCertificateRequest) error {
	return c.certificates.Put().Namespace(r.Namespace).Resource("podcertificaterequests").Name(r.Name).SubResource("status").
		Timeout(requestTimeout).Body(r).Do(ctx).Error()
}
