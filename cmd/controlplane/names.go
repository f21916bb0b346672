package main

import (
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"
)

// validNamespace reports whether an API server accepts the name for a namespace.
func validNamespace(name string) bool { return len(validation.IsDNS1123Label(name)) == 0 }

// validName reports whether an API server accepts the name for a pod or a rule.
func validName(name string) bool { return len(validation.IsDNS1123Subdomain(name)) == 0 }

// flagTrustDomain is the same in all commands.
const flagTrustDomain = "trust-domain"

// isTrustDomain reports whether a text has the letters of a trust domain.
func isTrustDomain(text string) bool {
	return text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}

// checkTrustDomain rejects a trust domain that no certificate can have.
func checkTrustDomain(cmd *cobra.Command, domain string) error {
	if !isTrustDomain(domain) {
		return usageErrorf(cmd, "--%s %q is not a trust domain: write the part between spiffe:// and the next slash, such as cluster.local", flagTrustDomain, domain)
	}
	return nil
}
