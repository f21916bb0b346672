package kube

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/cert"
)

// clusterName is what names of clusters may be: they are values of labels, parts of file names, and follow an @ in output.
var clusterName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

// maxKubeconfig limits what is read: a large text takes long, and all Secrets wait for it. A usual kubeconfig has 3 to 6 KiB.
const maxKubeconfig = 128 << 10

// remoteConfig reads a kubeconfig, which is not trusted. An author of the Secret must not get commands or files of the
// control plane. wrong is a sentence; empty if the kubeconfig can be used.
func remoteConfig(name string, kubeconfig []byte) (config *rest.Config, wrong string) {
	if !clusterName.MatchString(name) {
		return nil, fmt.Sprintf("%q is not a name of a cluster: it is at most 63 letters, digits, dots, dashes and underscores.", name)
	}
	if len(bytes.TrimSpace(kubeconfig)) == 0 {
		return nil, "The kubeconfig is empty."
	}
	if len(kubeconfig) > maxKubeconfig {
		return nil, fmt.Sprintf("The kubeconfig has %d bytes, and at most %d are read. Keep its current context alone.", len(kubeconfig), maxKubeconfig)
	}
	loaded, err := clientcmd.Load(kubeconfig)
	if err != nil {
		return nil, fmt.Sprintf("The kubeconfig cannot be read: %s.", unreadable(err))
	}
	user, cluster, wrong := currentOf(loaded)
	if wrong != "" {
		return nil, wrong
	}
	for _, field := range []struct {
		name string
		set  bool
		why  string
	}{
		{"exec", user.Exec != nil, "runs a command"},
		{"auth-provider", user.AuthProvider != nil, "runs a plugin"},
		{"tokenFile", user.TokenFile != "", "names a file"},
		{"client-certificate", user.ClientCertificate != "", "names a file; write client-certificate-data"},
		{"client-key", user.ClientKey != "", "names a file; write client-key-data"},
		{"certificate-authority", cluster.CertificateAuthority != "", "names a file; write certificate-authority-data"},
		{"insecure-skip-tls-verify", cluster.InsecureSkipTLSVerify, "shows the credentials to any server"},
	} {
		if field.set {
			return nil, fmt.Sprintf("%s of the kubeconfig %s.", field.name, field.why)
		}
	}
	if apiServer(cluster.Server) == "" {
		return nil, fmt.Sprintf("server of the kubeconfig is %q and not an https URL. Without TLS the credentials are shown to any server.", cluster.Server)
	}
	config, err = clientcmd.NewDefaultClientConfig(*loaded, &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return nil, fmt.Sprintf("The kubeconfig cannot be used: %v.", err)
	}
	if _, err := cert.ParseCertsPEM(config.CAData); len(config.CAData) > 0 && err != nil {
		return nil, fmt.Sprintf("certificate-authority-data of the kubeconfig has no usable PEM certificate: %v.", err)
	}
	if _, err := rest.TLSConfigFor(config); err != nil {
		return nil, fmt.Sprintf("client-certificate-data and client-key-data of the kubeconfig are not a PEM certificate and its key: %v.", err)
	}
	return config, ""
}

// unreadable says what is wrong with a text that is no kubeconfig. Errors about types of Go say nothing to its author.
func unreadable(err error) string {
	if _, at, ok := strings.Cut(err.Error(), "yaml: "); ok {
		return "it is not YAML: " + at
	}
	if strings.Contains(err.Error(), "base64") {
		return "certificate-authority-data, client-certificate-data or client-key-data is not base64"
	}
	return "it is not an object of kind Config with apiVersion v1"
}

// apiServer returns the scheme, host and port of an https URL, so that two spellings of one server are equal; empty for another URL.
func apiServer(server string) string {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return ""
	}
	host := strings.ToLower(u.Host)
	if u.Port() == "" {
		host = strings.TrimSuffix(host, ":") + ":443"
	}
	return "https://" + host + strings.TrimRight(u.Path, "/")
}

// currentOf returns the user and the cluster of the current context.
func currentOf(config *api.Config) (user *api.AuthInfo, cluster *api.Cluster, wrong string) {
	at := config.Contexts[config.CurrentContext]
	if at == nil {
		return nil, nil, "The kubeconfig has no current context."
	}
	user, cluster = config.AuthInfos[at.AuthInfo], config.Clusters[at.Cluster]
	if user == nil || cluster == nil || cluster.Server == "" {
		return nil, nil, "The current context of the kubeconfig has no user, no cluster or no server."
	}
	return user, cluster, ""
}
