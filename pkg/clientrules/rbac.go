package clientrules

import (
	rbacfilterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
)

// rbac checks a filter that decides who may call a server. Some servers reject a rule that others read, and some read it
// differently, so that callers get in whom nothing allows. Package authz has the rules that all read alike; no other one
// must be sent.
func (c *checker) rbac(name string, unreadable error, m *rbacfilterv3.RBAC, optional bool) {
	if unreadable != nil {
		c.reject(notRust, "has the HTTP filter %q, which cannot be read: %v", name, unreadable)
		return
	}
	if optional {
		c.reject(notRust, "has the optional HTTP filter %q, without which a server allows every call", name)
	}
	if _, err := authz.New(m.GetRules()); err != nil {
		c.reject(notRust, "has rules in the HTTP filter %q that servers reject or read differently: %v", name, err)
	}
	for _, logger := range m.GetRules().GetAuditLoggingOptions().GetLoggerConfigs() {
		if !logger.GetIsOptional() {
			c.reject(notRust, "has the log %q in the HTTP filter %q, which not every server knows", logger.GetAuditLogger().GetName(), name)
		}
	}
}
