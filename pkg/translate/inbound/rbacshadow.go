package inbound

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	streamv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/rbac/audit_loggers/stream/v3"
	"google.golang.org/protobuf/proto"
	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Shadow returns filters that log, for each call, what policies would do that are not enforced: those of a dry run and
// those with the action AUDIT, if the annotation mizzen.dev/log-calls asks for it. They come before the filters that
// enforce, let every call pass, and have one policy each for calls that match and calls that do not, because a server
// logs only the name of what matched. Only gRPC for Go and C-core log: in.Kind must be the server's own library.
func Shadow(in RulesInput) []*hcmv3.HttpFilter {
	filters, _ := shadows(in)
	return filters
}

// shadows also returns the policies that are not logged because a Listener would be too large. A Listener is limited like
// the rules of a server in Node, because a response has all of them.
func shadows(in RulesInput) (filters []*hcmv3.HttpFilter, unlogged []*mesh.AuthorizationPolicy) {
	if in.Kind != mesh.GRPCGo && in.Kind != mesh.GRPCCore {
		return nil, nil
	}
	size := 0
	for policy := range in.Policies.All() {
		t := newTranslation(nil, in, policy)
		if !policy.LogCalls || !t.shadowed() {
			continue
		}
		var rules []expr
		for _, m := range t.rules() {
			// A principal can have every condition, so that the whole can be negated.
			rules = append(rules, and(m.permission, m.principal))
		}
		matching, other := t.outcomes()
		shadow := &rbacv3.RBAC{Action: rbacv3.RBAC_ALLOW, Policies: map[string]*rbacv3.Policy{}, AuditLoggingOptions: logCalls()}
		for text, condition := range map[string]expr{matching: or(rules...), other: not(or(rules...))} {
			if condition.kind != isNever {
				shadow.Policies[policy.Ref.Namespace+"/"+policy.Ref.Name+" "+text] = always().policy(condition)
			}
		}
		if size += proto.Size(shadow); size > maxSizeNode {
			size -= proto.Size(shadow)
			unlogged = append(unlogged, policy)
			continue
		}
		filters = append(filters, filter(mesh.ShadowFilter+policy.Ref.Namespace+"/"+policy.Ref.Name, shadow))
	}
	return filters, unlogged
}

// shadowed reports whether the policy is not enforced.
func (t *translation) shadowed() bool {
	return t.policy.DryRun || t.action == security.AuthorizationPolicy_AUDIT
}

// outcomes returns what a server logs for calls that match, and for other calls.
func (t *translation) outcomes() (matching, other string) {
	switch {
	case t.action == security.AuthorizationPolicy_AUDIT:
		return "matches", "does not match"
	case t.deny():
		return "would deny", "would allow"
	}
	return "would allow", "would deny"
}

// logCalls makes a server write a line for each call. A server without the logger skips it.
func logCalls() *rbacv3.RBAC_AuditLoggingOptions {
	return &rbacv3.RBAC_AuditLoggingOptions{
		AuditCondition: rbacv3.RBAC_AuditLoggingOptions_ON_ALLOW,
		LoggerConfigs: []*rbacv3.RBAC_AuditLoggingOptions_AuditLoggerConfig{{
			AuditLogger: &corev3.TypedExtensionConfig{Name: "stdout_logger", TypedConfig: resource.ToAny(&streamv3.StdoutAuditLog{})}, IsOptional: true,
		}},
	}
}

// reportMode reports where calls are not logged: for a policy that is enforced, and by servers that cannot.
func (t *translation) reportMode() {
	audit := t.action == security.AuthorizationPolicy_AUDIT
	at := t.at.Child("action")
	if !audit {
		at = t.field(mesh.AnnotationField(mesh.AnnotationDryRun))
	}
	switch {
	case !t.shadowed() && t.policy.LogCalls:
		t.field(mesh.AnnotationField(mesh.AnnotationLogCalls)).Warnf(mesh.CodeUnsupported,
			"Servers log calls only for policies that are not enforced. The annotation has no effect. Set %s to \"true\" to try the policy, or remove the annotation.", mesh.AnnotationDryRun)
	case !t.shadowed():
	case t.policy.LogCalls:
		at.Add(mesh.Problem{
			Code: mesh.CodeIgnored, Severity: mesh.Info, ClientKinds: mesh.MakeClientKinds(mesh.GRPCJava, mesh.GRPCNode),
			Message: "Servers with gRPC for Java and Node do not log calls. Test the policy with servers in Go or C-core.",
		})
	case audit:
		at.Warnf(mesh.CodeUnsupported, "No call is logged. Set the annotation %s to \"true\", and servers in Go and C-core write a line for each call.", mesh.AnnotationLogCalls)
	}
}
