package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// clusterConfig finds a cluster as kubectl does. Both names may be empty.
func clusterConfig(kubeconfig, context string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: context}).ClientConfig()
	if err != nil {
		return nil, noCluster(err, rules, context)
	}
	return withoutWebPages(config), nil
}

// noCluster says that no cluster is found in the kubeconfig, or that there is no kubeconfig.
func noCluster(err error, rules *clientcmd.ClientConfigLoadingRules, context string) error {
	if clientcmd.IsEmptyConfig(err) {
		return errors.New("find the cluster: there is no kubeconfig, or it is empty: name one with --kubeconfig")
	}
	config, failed := rules.Load()
	if failed == nil && context != "" && config.Contexts[context] == nil && len(config.Contexts) > 0 {
		return fmt.Errorf("find the cluster: %w; the kubeconfig has %s", err, strings.Join(slices.Sorted(maps.Keys(config.Contexts)), ", "))
	}
	return fmt.Errorf("find the cluster: %w", err)
}

// pathClient reads paths of an API server and decodes no objects: the dynamic client does that. The clientset of
// client-go contains every API type of Kubernetes, and would be a third of the binary.
func pathClient(config *rest.Config) (*rest.RESTClient, error) {
	config = rest.CopyConfig(config)
	config.APIPath, config.GroupVersion = "/api", &corev1.SchemeGroupVersion
	config.NegotiatedSerializer = serializer.NewCodecFactory(runtime.NewScheme())
	if config.UserAgent == "" {
		config.UserAgent = rest.DefaultKubernetesUserAgent()
	}
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("reach the cluster: %w", err)
	}
	return client, nil
}
