package installation

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"path"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// expiresSoon is how long before the end of a certificate a warning begins. Certificates by cert-manager are renewed
// earlier.
const expiresSoon = 14 * 24 * time.Hour

// certificateSecret returns the name of the Secret with the control plane's certificate; empty if the folder of --tls-certificates is
// not a Secret's.
func (d *deployment) certificateSecret() string {
	spec := &d.Spec.Template.Spec
	folder := path.Clean(d.flag("tls-certificates", ""))
	for i := range spec.Containers {
		for _, mount := range spec.Containers[i].VolumeMounts {
			if path.Clean(mount.MountPath) != folder {
				continue
			}
			for _, volume := range spec.Volumes {
				if volume.Name == mount.Name && volume.Secret != nil {
					return volume.Secret.SecretName
				}
			}
		}
	}
	return ""
}

// checkCertificate verifies the control plane's certificate as clients do.
func (c *cluster) checkCertificate(ctx context.Context) ([]Finding, error) {
	d, err := c.deployment(ctx)
	if err != nil {
		return nil, err
	}
	if d.flag("xds-tls-address", "") == "" {
		return one(ok("TLS is off: the Deployment has no --xds-tls-address. Clients connect in plaintext."))
	}
	if d.flag("tls-self-signed", "") != "" {
		return one(warn("Use --tls-certificates in production.", "The control plane makes a self-signed certificate at each start. Clients cannot verify it after a restart."))
	}
	name := d.certificateSecret()
	if name == "" {
		return one(warn("Check it as your tool for certificates describes.", "The folder of --tls-certificates is not the volume of a Secret. The certificate is not checked."))
	}
	secret, err := get[corev1.Secret](ctx, c, secrets, c.Namespace, name)
	switch {
	case err != nil:
		return nil, err
	case secret == nil:
		return one(fail("Create it as docs/INSTALL.md describes.", "There is no Secret %s/%s. Pods of the control plane do not start.", c.Namespace, name))
	}
	pair, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return one(fail("Put a certificate and its key into the Secret, as tls.crt and tls.key.", "The Secret %s/%s has no certificate with its key: %v.", c.Namespace, name, err))
	}
	findings, err := c.verify(ctx, "Secret "+c.Namespace+"/"+name, pair)
	if err != nil || len(findings) > 0 {
		return findings, err
	}
	return one(ok("The certificate in the Secret %s/%s is valid until %s, and fits the bootstrap of injected pods.",
		c.Namespace, name, pair.Leaf.NotAfter.UTC().Format(time.DateOnly)))
}

// verify returns Findings about a certificate.
func (c *cluster) verify(ctx context.Context, of string, pair tls.Certificate) ([]Finding, error) {
	leaf := pair.Leaf
	var findings []Finding
	until := leaf.NotAfter.UTC().Format(time.RFC3339)
	const renew = "Renew it: the replicas read the Secret again without a restart."
	switch {
	case c.Now.After(leaf.NotAfter):
		findings = append(findings, fail(renew, "The certificate in the %s expired at %s. Clients cannot connect over TLS.", of, until))
	case c.Now.Before(leaf.NotBefore):
		findings = append(findings, fail("Correct the clock, or issue the certificate again.", "The certificate in the %s is valid from %s on.", of, leaf.NotBefore.UTC().Format(time.RFC3339)))
	case leaf.NotAfter.Sub(c.Now) < expiresSoon:
		findings = append(findings, warn(renew, "The certificate in the %s expires at %s.", of, until))
	}
	all, _, err := c.targets(ctx)
	if err != nil {
		return findings, err
	}
	for _, t := range all {
		if t.transport != encrypted {
			continue
		}
		if err := leaf.VerifyHostname(t.host); err != nil {
			findings = append(findings, fail("Issue it for this name.", "The certificate in the %s is not for %s, which clients dial: it is for %s.", of, t.host, names(leaf.DNSNames)))
		}
		more, err := c.verifyChain(ctx, of, pair)
		return append(findings, more...), err
	}
	return findings, nil
}

// verifyChain returns Findings if the authorities that pods are injected with do not verify the certificate. Times are
// checked elsewhere.
func (c *cluster) verifyChain(ctx context.Context, of string, pair tls.Certificate) ([]Finding, error) {
	config, err := get[corev1.ConfigMap](ctx, c, configMaps, c.Namespace, injection)
	if err != nil || config == nil {
		return nil, err
	}
	const step = "Put the authority's certificate into the key ca.crt, as docs/INSTALL.md describes, and restart the pods that were injected before."
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	if text := config.Data[authoritiesKey]; text == "" || !roots.AppendCertsFromPEM([]byte(text)) {
		return []Finding{fail(step, "The ConfigMap %s/%s has no authorities in %s. Clients cannot connect over TLS.", c.Namespace, injection, authoritiesKey)}, nil
	}
	for _, der := range pair.Certificate[1:] {
		if parsed, err := x509.ParseCertificate(der); err == nil {
			intermediates.AddCert(parsed)
		}
	}
	// At a moment at which the certificate is valid, because that it has expired is another Finding.
	now := c.Now
	if now.After(pair.Leaf.NotAfter) || now.Before(pair.Leaf.NotBefore) {
		now = pair.Leaf.NotAfter
	}
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	if err != nil {
		return []Finding{fail(step, "The authorities in the ConfigMap %s/%s do not verify the certificate in the %s: %v.", c.Namespace, injection, of, err)}, nil
	}
	return nil, nil
}
