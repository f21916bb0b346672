package dev.mizzen.agent.core.route;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.protobuf.InvalidProtocolBufferException;
import io.envoyproxy.envoy.config.core.v3.HeaderValueOption;
import io.envoyproxy.envoy.config.route.v3.HeaderMatcher;
import io.envoyproxy.envoy.config.route.v3.QueryParameterMatcher;
import io.envoyproxy.envoy.config.route.v3.RouteAction;
import io.envoyproxy.envoy.config.route.v3.RouteConfiguration;
import io.envoyproxy.envoy.config.route.v3.RouteMatch;
import io.envoyproxy.envoy.config.route.v3.WeightedCluster;
import io.envoyproxy.envoy.extensions.filters.http.fault.v3.HTTPFault;
import io.envoyproxy.envoy.type.matcher.v3.RegexMatchAndSubstitute;
import io.envoyproxy.envoy.type.matcher.v3.StringMatcher;
import io.envoyproxy.envoy.type.v3.FractionalPercent;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Writes routes as text, from the API's classes and from the decoder's, so that both can be compared. */
final class ExpectedRoutes {
    private ExpectedRoutes() {
    }

    static String of(RouteConfiguration c) throws AssertionError {
        StringBuilder s = new StringBuilder(c.getName()).append(' ').append(c.getMostSpecificHeaderMutationsWins())
            .append(edits(c.getRequestHeadersToAddList(), c.getRequestHeadersToRemoveList())).append(edits(c.getResponseHeadersToAddList(), c.getResponseHeadersToRemoveList()));
        for (io.envoyproxy.envoy.config.route.v3.VirtualHost h : c.getVirtualHostsList()) {
            s.append("\nhost ").append(h.getName()).append(lower(h.getDomainsList()))
                .append(edits(h.getRequestHeadersToAddList(), h.getRequestHeadersToRemoveList())).append(edits(h.getResponseHeadersToAddList(), h.getResponseHeadersToRemoveList()))
                .append(h.hasRetryPolicy() ? retry(h.getRetryPolicy()) : "null");
            for (io.envoyproxy.envoy.config.route.v3.Route r : h.getRoutesList()) {
                s.append("\n route ").append(route(r));
            }
        }
        return s.toString();
    }

    static String of(RouteTable t) {
        StringBuilder s = new StringBuilder(t.name).append(' ').append(t.mostSpecificLast).append(edits(t.request)).append(edits(t.response));
        for (VirtualHost h : t.hosts) {
            s.append("\nhost ").append(h.name).append(h.domains).append(edits(h.request)).append(edits(h.response)).append(retry(h.retry));
            for (Route r : h.routes) {
                s.append("\n route ").append(route(r));
            }
        }
        return s.toString();
    }

    private static List<String> lower(List<String> list) {
        List<String> l = new ArrayList<>();
        for (String s : list) {
            l.add(s.toLowerCase(Locale.ROOT));
        }
        return l;
    }

    private static String route(io.envoyproxy.envoy.config.route.v3.Route r) {
        StringBuilder s = new StringBuilder(r.getName()).append(match(r.getMatch()));
        s.append(edits(r.getRequestHeadersToAddList(), r.getRequestHeadersToRemoveList())).append(edits(r.getResponseHeadersToAddList(), r.getResponseHeadersToRemoveList()));
        s.append(fault(r.getTypedPerFilterConfigMap()));
        if (r.hasRedirect()) {
            io.envoyproxy.envoy.config.route.v3.RedirectAction a = r.getRedirect();
            int[] codes = {301, 302, 303, 307, 308};
            String scheme = a.getHttpsRedirect() ? "https" : a.getSchemeRedirect();
            s.append(" redirect ").append(scheme).append(' ').append(a.getHostRedirect()).append(' ').append(a.getPortRedirect()).append(' ')
                .append(codes[a.getResponseCodeValue()]).append(' ').append(a.getStripQuery()).append(' ')
                .append(a.hasPathRedirect() ? a.getPathRedirect() : null).append(' ').append(a.hasPrefixRewrite() ? a.getPrefixRewrite() : null).append(' ')
                .append(a.hasRegexRewrite() ? rewrite(a.getRegexRewrite()) : null);
        } else if (r.hasDirectResponse()) {
            s.append(" direct ").append(r.getDirectResponse().getStatus()).append(' ').append(r.getDirectResponse().getBody().getInlineString());
        } else {
            s.append(action(r.getRoute()));
        }
        return s.toString();
    }

    private static String route(Route r) {
        StringBuilder s = new StringBuilder(r.name).append(match(r)).append(edits(r.request)).append(edits(r.response)).append(fault(r.fault));
        if (r.redirect != null) {
            Redirect a = r.redirect;
            s.append(" redirect ").append(a.scheme).append(' ').append(a.host).append(' ').append(a.port).append(' ').append(a.status).append(' ').append(a.stripQuery)
                .append(' ').append(a.path).append(' ').append(a.prefix).append(' ').append(a.regex == null ? null : rewrite(a.regex));
        } else if (r.directStatus != 0) {
            s.append(" direct ").append(r.directStatus).append(' ').append(new String(r.directBody, java.nio.charset.StandardCharsets.UTF_8));
        } else {
            s.append(action(r));
        }
        return s.toString();
    }

    private static String match(RouteMatch m) {
        StringBuilder s = new StringBuilder(" ").append(m.getPathSpecifierCase().getNumber()).append(m.getPrefix()).append(m.getPath()).append(m.getPathSeparatedPrefix())
            .append(m.getSafeRegex().getRegex()).append(' ').append(!m.hasCaseSensitive() || m.getCaseSensitive().getValue());
        for (HeaderMatcher h : m.getHeadersList()) {
            s.append(" h:").append(header(h));
        }
        for (QueryParameterMatcher q : m.getQueryParametersList()) {
            s.append(" q:").append(q.getName()).append(' ').append(q.hasStringMatch() ? string(q.getStringMatch()) : null).append(' ')
                .append(!q.hasPresentMatch() || q.getPresentMatch());
        }
        return s.append(' ').append(m.hasRuntimeFraction() ? share(m.getRuntimeFraction().getDefaultValue()) : 1_000_000).toString();
    }

    private static String match(Route r) {
        StringBuilder s = new StringBuilder(" ").append(r.pathKind).append(r.pathKind == Route.REGEX ? r.pathRegex.source : r.path).append(' ').append(r.caseSensitive);
        for (HeaderMatch h : r.headers) {
            s.append(" h:").append(header(h));
        }
        for (QueryMatch q : r.queries) {
            s.append(" q:").append(q.name).append(' ').append(q.string == null ? null : string(q.string)).append(' ').append(q.present);
        }
        return s.append(' ').append(r.share).toString();
    }

    private static String header(HeaderMatcher h) {
        String s;
        switch (h.getHeaderMatchSpecifierCase()) {
            case STRING_MATCH: s = string(h.getStringMatch()); break;
            case EXACT_MATCH: s = "1" + h.getExactMatch() + "false"; break;
            case PREFIX_MATCH: s = "2" + h.getPrefixMatch() + "false"; break;
            case SUFFIX_MATCH: s = "3" + h.getSuffixMatch() + "false"; break;
            case CONTAINS_MATCH: s = "7" + h.getContainsMatch() + "false"; break;
            case SAFE_REGEX_MATCH: s = "5" + h.getSafeRegexMatch().getRegex() + "false"; break;
            case RANGE_MATCH: s = h.getRangeMatch().getStart() + ".." + h.getRangeMatch().getEnd(); break;
            default: s = "present " + h.getPresentMatch();
        }
        return h.getName().toLowerCase(Locale.ROOT) + ' ' + s + ' ' + h.getInvertMatch() + h.getTreatMissingHeaderAsEmpty();
    }

    private static String header(HeaderMatch h) {
        String s = h.string != null ? string(h.string) : h.range != null ? h.range[0] + ".." + h.range[1] : "present " + h.present;
        return h.name + ' ' + s + ' ' + h.invert + h.missingIsEmpty;
    }

    private static String string(StringMatcher m) {
        boolean ignore = m.getIgnoreCase() && !m.hasSafeRegex();
        String text = m.getExact() + m.getPrefix() + m.getSuffix() + m.getContains();
        return m.getMatchPatternCase().getNumber() + (ignore ? text.toLowerCase(Locale.ROOT) : text) + m.getSafeRegex().getRegex() + ignore;
    }

    private static String string(StringMatch m) {
        return m.kind + (m.regex != null ? m.regex.source : m.text) + m.ignoreCase;
    }

    private static String action(RouteAction a) {
        StringBuilder s = new StringBuilder(" to ");
        if (a.hasCluster()) {
            s.append(target(a.getCluster(), 1));
        }
        for (WeightedCluster.ClusterWeight w : a.getWeightedClusters().getClustersList()) {
            s.append(w.getName()).append('=').append(w.getWeight().getValue()).append(edits(w.getRequestHeadersToAddList(), w.getRequestHeadersToRemoveList()))
                .append(edits(w.getResponseHeadersToAddList(), w.getResponseHeadersToRemoveList())).append(w.hasHostRewriteLiteral() ? w.getHostRewriteLiteral() : null)
                .append(fault(w.getTypedPerFilterConfigMap())).append(';');
        }
        long timeout = a.hasTimeout() ? nanos(a.getTimeout()) : nanos(a.getMaxStreamDuration().getMaxStreamDuration());
        s.append(' ').append(timeout).append(a.hasRetryPolicy() ? retry(a.getRetryPolicy()) : "null").append(a.getPrefixRewrite()).append(' ')
            .append(a.hasHostRewriteLiteral() ? a.getHostRewriteLiteral() : null).append(a.hasRegexRewrite() ? rewrite(a.getRegexRewrite()) : null);
        for (RouteAction.HashPolicy p : a.getHashPolicyList()) {
            String name = p.hasHeader() ? p.getHeader().getHeaderName().toLowerCase(Locale.ROOT) + (p.getHeader().hasRegexRewrite() ? rewrite(p.getHeader().getRegexRewrite()) : null)
                : p.hasCookie() ? p.getCookie().getName() + "null" : p.getQueryParameter().getName() + "null";
            s.append(" #").append(p.getPolicySpecifierCase().getNumber()).append(name).append(p.getTerminal());
        }
        for (RouteAction.RequestMirrorPolicy m : a.getRequestMirrorPoliciesList()) {
            s.append(" mirror ").append(m.getCluster()).append('=').append(m.hasRuntimeFraction() ? share(m.getRuntimeFraction().getDefaultValue()) : 1_000_000);
        }
        return s.toString();
    }

    private static String target(String name, long weight) {
        return name + '=' + weight + "[][][][]nullnull;";
    }

    private static String action(Route r) {
        StringBuilder s = new StringBuilder(" to ");
        for (Target t : r.targets) {
            s.append(t.cluster).append('=').append(t.weight).append(edits(t.request)).append(edits(t.response)).append(t.host).append(fault(t.fault)).append(';');
        }
        s.append(' ').append(r.timeout).append(retry(r.retry)).append(r.prefixRewrite).append(' ').append(r.hostRewrite)
            .append(r.regexRewrite == null ? null : rewrite(r.regexRewrite));
        for (HashPolicy p : r.hashes) {
            s.append(" #").append(p.kind).append(p.name).append(p.rewrite == null ? null : rewrite(p.rewrite)).append(p.terminal);
        }
        for (Target t : r.mirrors) {
            s.append(" mirror ").append(t.cluster).append('=').append(t.weight);
        }
        return s.toString();
    }

    private static String retry(io.envoyproxy.envoy.config.route.v3.RetryPolicy p) {
        long base = p.getRetryBackOff().hasBaseInterval() && nanos(p.getRetryBackOff().getBaseInterval()) > 0 ? nanos(p.getRetryBackOff().getBaseInterval()) : 25_000_000;
        long max = p.getRetryBackOff().hasMaxInterval() && nanos(p.getRetryBackOff().getMaxInterval()) > 0 ? Math.max(base, nanos(p.getRetryBackOff().getMaxInterval())) : 10 * base;
        return "retry " + p.getRetryOn() + ' ' + (p.hasNumRetries() ? p.getNumRetries().getValue() : 1) + ' ' + nanos(p.getPerTryTimeout()) + p.getRetriableStatusCodesList()
            + base + '-' + max + p.getRetryHostPredicateList().stream().anyMatch(h -> h.getName().equals("envoy.retry_host_predicates.previous_hosts"));
    }

    private static String retry(RetryPolicy p) {
        return p == null ? "null" : "retry " + p.retryOn + ' ' + p.retries + ' ' + p.perTryTimeout + java.util.Arrays.toString(p.statusCodes)
            + p.baseInterval + '-' + p.maxInterval + p.avoidsTried;
    }

    private static String edits(List<HeaderValueOption> add, List<String> remove) {
        StringBuilder s = new StringBuilder("[");
        for (HeaderValueOption o : add) {
            boolean overwrite = o.hasAppend() && !o.getAppend().getValue() && o.getAppendActionValue() == 0;
            s.append(o.getHeader().getKey()).append(':').append(o.getHeader().getValue()).append(overwrite ? 2 : o.getAppendActionValue()).append(o.getKeepEmptyValue()).append(' ');
        }
        return s.append(']').append(lower(remove)).toString();
    }

    private static String edits(Edits e) {
        StringBuilder s = new StringBuilder("[");
        for (Edits.Value v : e.values) {
            s.append(v.name).append(':').append(v.value).append(v.action).append(v.keepEmpty).append(' ');
        }
        return s.append(']').append(e.removed).toString();
    }

    private static String fault(Map<String, Any> filters) {
        try {
            if (filters.isEmpty()) {
                return "null";
            }
            HTTPFault f = filters.values().iterator().next().unpack(HTTPFault.class);
            StringBuilder s = new StringBuilder("fault ").append(nanos(f.getDelay().getFixedDelay())).append('@').append(share(f.getDelay().getPercentage())).append(' ');
            int[] http = {200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401};
            s.append(f.getAbort().hasGrpcStatus() ? http[f.getAbort().getGrpcStatus()] : f.getAbort().getHttpStatus()).append('@').append(share(f.getAbort().getPercentage()));
            for (HeaderMatcher h : f.getHeadersList()) {
                s.append(' ').append(header(h));
            }
            return s.toString();
        } catch (InvalidProtocolBufferException e) {
            throw new AssertionError(e);
        }
    }

    private static String fault(Fault f) {
        if (f == null) {
            return "null";
        }
        StringBuilder s = new StringBuilder("fault ").append(f.delay).append('@').append(f.delayShare).append(' ').append(f.abortStatus).append('@').append(f.abortShare);
        for (HeaderMatch h : f.headers) {
            s.append(' ').append(header(h));
        }
        return s.toString();
    }

    private static String rewrite(RegexMatchAndSubstitute r) {
        return r.getPattern().getRegex() + "->" + r.getSubstitution();
    }

    private static String rewrite(RegexRewrite r) {
        return r.regex.source + "->" + r.substitution;
    }

    private static int share(FractionalPercent p) {
        int[] factors = {10_000, 100, 1};
        return Math.min(1_000_000, p.getNumerator() * factors[p.getDenominatorValue()]);
    }

    private static long nanos(Duration d) {
        return d.getSeconds() * 1_000_000_000L + d.getNanos();
    }
}
