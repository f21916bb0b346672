package signer

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// refusal is a final answer without a certificate: the type of its condition, a reason in one word, and a message.
type refusal struct{ kind, reason, message string }

// reasonInvalid is the reason for a request that the API server should not have accepted.
const reasonInvalid = "InvalidRequest"

// examine returns the key of a request, or why it never gets a certificate.
func examine(r *certificatesv1.PodCertificateRequest) (*ecdsa.PublicKey, *refusal) {
	if keys := slices.Sorted(maps.Keys(r.Spec.UnverifiedUserAnnotations)); len(keys) > 0 {
		return nil, denied(certificatesv1.PodCertificateRequestConditionInvalidUserConfig,
			"the signer %s knows no userAnnotations; remove %s from the volume's podCertificate source", Name, strings.Join(keys, ", "))
	}
	for _, one := range []struct{ field, value string }{{"metadata.namespace", r.Namespace}, {"spec.serviceAccountName", r.Spec.ServiceAccountName}} {
		if wrong := validation.IsDNS1123Subdomain(one.value); len(wrong) > 0 {
			return nil, failed("%s %q is not a name: %s", one.field, one.value, strings.Join(wrong, "; "))
		}
	}
	csr, err := x509.ParseCertificateRequest(r.Spec.StubPKCS10Request)
	if err != nil {
		return nil, failed("spec.stubPKCS10Request cannot be read: %v", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, failed("spec.stubPKCS10Request is not signed with its key: %v", err)
	}
	key, ok := csr.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, denied(certificatesv1.PodCertificateRequestConditionUnsupportedKeyType,
			"the key is %s; set keyType: ECDSAP256 in the volume's podCertificate source", keyType(csr.PublicKey))
	}
	return key, nil
}

func denied(reason, format string, args ...any) *refusal {
	return &refusal{certificatesv1.PodCertificateRequestConditionTypeDenied, reason, fmt.Sprintf(format, args...)}
}

func failed(format string, args ...any) *refusal {
	return &refusal{certificatesv1.PodCertificateRequestConditionTypeFailed, reasonInvalid, fmt.Sprintf(format, args...)}
}

// keyType names a key as the field keyType does.
func keyType(key any) string {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA" + strings.ReplaceAll(k.Curve.Params().Name, "-", "")
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA%d", k.N.BitLen())
	case ed25519.PublicKey:
		return "ED25519"
	}
	return fmt.Sprintf("%T", key)
}

// lifetime returns how long a certificate may live: as long as configured, unless the pod asks for less.
func lifetime(r *certificatesv1.PodCertificateRequest, longest time.Duration) time.Duration {
	if most := r.Spec.MaxExpirationSeconds; most != nil {
		return min(longest, time.Duration(*most)*time.Second)
	}
	return longest
}

// answered reports whether a request has its final answer.
func answered(r *certificatesv1.PodCertificateRequest) bool {
	for _, c := range r.Status.Conditions {
		switch c.Type {
		case certificatesv1.PodCertificateRequestConditionTypeIssued, certificatesv1.PodCertificateRequestConditionTypeDenied,
			certificatesv1.PodCertificateRequestConditionTypeFailed:
			return true
		}
	}
	return false
}
