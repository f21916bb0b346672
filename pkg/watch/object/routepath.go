package object

import (
	"strings"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// redirect compiles a redirect. A prefix to replace is completed for each match.
func (r *compiledRule) redirect(at string, f *gatewayv1.HTTPRequestRedirectFilter) {
	out := &networking.HTTPRedirect{
		Scheme: valueOr(f.Scheme, ""), Authority: string(valueOr(f.Hostname, "")), RedirectCode: uint32(valueOr(f.StatusCode, 302)),
		RedirectPort: &networking.HTTPRedirect_DerivePort{DerivePort: networking.HTTPRedirect_FROM_REQUEST_PORT},
	}
	switch {
	case f.Port != nil:
		out.RedirectPort = &networking.HTTPRedirect_Port{Port: uint32(*f.Port)}
	case f.Scheme != nil:
		out.RedirectPort = &networking.HTTPRedirect_DerivePort{DerivePort: networking.HTTPRedirect_FROM_PROTOCOL_DEFAULT}
	}
	r.fields[".redirect"], r.fields[".redirect.uri"], r.fields[".redirect.prefixRewrite"] = at, at+".path.replaceFullPath", at+".path.replacePrefixMatch"
	r.fields[".redirect.authority"], r.fields[".redirect.scheme"] = at+".hostname", at+".scheme"
	r.fields[".redirect.port"], r.fields[".redirect.redirectCode"] = at+".port", at+".statusCode"
	if f.Path != nil {
		out.Uri = valueOr(f.Path.ReplaceFullPath, "")
		r.prefix, r.prefixAt = f.Path.ReplacePrefixMatch, at+".path.replacePrefixMatch"
	}
	r.rule.Redirect = out
}

// everyPath matches every path as a whole.
const everyPath = "^/.*"

// rewrite compiles a rewrite. A prefix to replace is completed for each match.
func (r *compiledRule) rewrite(at string, f *gatewayv1.HTTPURLRewriteFilter) {
	out := &networking.HTTPRewrite{Authority: string(valueOr(f.Hostname, ""))}
	r.fields[".rewrite"], r.fields[".rewrite.authority"] = at, at+".hostname"
	r.fields[".rewrite.uriRegexRewrite"], r.fields[".rewrite.uri"] = at+".path", at+".path"
	if f.Path != nil {
		if full := f.Path.ReplaceFullPath; full != nil {
			out.UriRegexRewrite = &networking.RegexRewrite{Match: everyPath, Rewrite: strings.ReplaceAll(*full, `\`, `\\`)}
		}
		r.prefix, r.prefixAt = f.Path.ReplacePrefixMatch, at+".path.replacePrefixMatch"
	}
	r.rule.Rewrite = out
}

// prefixes makes a rule replace the prefix of each of its matches. If a match has no prefix, the calls of the rule fail.
func (c *routeCompiler) prefixes(r *compiledRule, matches []routeMatch) {
	if r.prefix == nil {
		return
	}
	for _, m := range matches {
		if m.rank[0] != rankPathPrefix && m.rank[0] != rankEveryPath && !m.dropped {
			c.out.Report(mesh.CodeInvalidValue, mesh.Error, r.prefixAt, "A match of the rule is not a PathPrefix, so there is no prefix to replace. The calls of the rule fail. Use replaceFullPath, or match a PathPrefix.")
			r.rule = &networking.HTTPRoute{Name: r.rule.GetName()}
			return
		}
	}
	replacement := strings.TrimRight(*r.prefix, "/")
	r.finish = func(rule *networking.HTTPRoute, block *networking.HTTPMatchRequest) {
		path := replacement + "/"
		if block.GetUri().GetExact() != "" && replacement != "" {
			path = replacement
		}
		if rule.GetRedirect() != nil {
			rule.Redirect = proto.CloneOf(rule.GetRedirect())
			rule.Redirect.PrefixRewrite = path
		}
		if rule.GetRewrite() != nil {
			rule.Rewrite = proto.CloneOf(rule.GetRewrite())
			rule.Rewrite.Uri = path
		}
	}
}
