package dev.mizzen.agent.core.route;

import dev.mizzen.agent.bridge.Request;
import dev.mizzen.agent.core.wire.Fraction;
import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/** An envoy.config.route.v3.Route: which calls it matches, and what happens to them. A field that would change where a call goes is refused if unknown. */
final class Route {
    static final int PREFIX = 1, PATH = 2, REGEX = 10, SEPARATED_PREFIX = 14;

    String name = "";
    // The match.
    int pathKind;
    String path = "";
    Regex pathRegex;
    boolean caseSensitive = true;
    final List<HeaderMatch> headers = new ArrayList<>();
    final List<QueryMatch> queries = new ArrayList<>();
    int share = Fraction.ALL;
    // What happens: a redirect, a direct response, or a call of one of the targets.
    Redirect redirect;
    int directStatus;
    byte[] directBody = {};
    final List<Target> targets = new ArrayList<>(1);
    long totalWeight;
    /** Zero means that there is no limit; -1, that the route does not say. */
    long timeout = -1;
    RetryPolicy retry;
    String prefixRewrite = "", hostRewrite;
    RegexRewrite regexRewrite;
    final List<HashPolicy> hashes = new ArrayList<>();
    final List<Target> mirrors = new ArrayList<>();
    Edits request = Edits.NONE, response = Edits.NONE;
    Fault fault;
    private long maxStreamDuration;

    static Route decode(Reader r) {
        Route route = new Route();
        Edits.Builder request = new Edits.Builder(), response = new Edits.Builder();
        boolean acts = false;
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: route.match(r.message()); break;
                case 2: route.action(r.message()); acts = true; break;
                case 3: route.redirect = Redirect.decode(r.message()); acts = true; break;
                case 7: route.direct(r.message()); acts = true; break;
                case 9: request.add(r); break;
                case 10: response.add(r); break;
                case 11: response.remove(r); break;
                case 12: request.remove(r); break;
                case 13: route.fault = filter(r.message(), route.fault); break;
                case 14: route.name = r.string(); break;
                case 4:   // metadata
                case 5:   // decorator
                case 15:  // tracing
                case 16:  // per_request_buffer_limit_bytes
                case 19:  // stat_prefix
                case 20:  // request_body_buffer_limit
                    r.skip();
                    break;
                default: throw new Refused("route \"" + route.name + "\" has the unsupported field " + f);
            }
        }
        if (!acts) {
            throw new Refused("route \"" + route.name + "\" has no action");
        }
        if (route.pathKind == 0) {
            throw new Refused("route \"" + route.name + "\" does not say which paths it matches");
        }
        route.request = request.build();
        route.response = response.build();
        if (route.timeout < 0) {
            route.timeout = route.maxStreamDuration;
        }
        return route;
    }

    private void match(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case PREFIX:
                case PATH:
                case SEPARATED_PREFIX:
                    pathKind = f;
                    path = r.string();
                    break;
                case REGEX:
                    pathKind = f;
                    pathRegex = Regex.decode(r.message());
                    break;
                case 4: caseSensitive = r.wrapped() != 0; break;
                case 6: headers.add(HeaderMatch.decode(r.message())); break;
                case 7: queries.add(QueryMatch.decode(r.message())); break;
                case 9: share = Fraction.decodeRuntime(r.message()); break;
                default: throw new Refused("a route match has the unsupported field " + f);
            }
        }
    }

    private void action(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: targets.clear(); targets.add(Target.of(r.string())); totalWeight = 1; break;
                case 3: weighted(r.message()); break;
                case 5: prefixRewrite = r.string(); break;
                case 6: hostRewrite = r.string(); break;
                case 8: timeout = r.duration(); break;
                case 9: retry = RetryPolicy.decode(r.message()); break;
                case 15: hashes.add(HashPolicy.decode(r.message())); break;
                case 30: mirrors.add(Target.decodeMirror(r.message())); break;
                case 32: regexRewrite = RegexRewrite.decode(r.message()); break;
                case 36: maxStreamDuration(r.message()); break;
                case 10:  // request_mirror_policy, removed from the API
                case 11:  // priority
                case 13:  // rate_limits
                case 14:  // include_vh_rate_limits
                case 17:  // cors: for those who are called
                case 20:  // cluster_not_found_response_code
                case 23:  // max_grpc_timeout
                case 24:  // idle_timeout
                case 25:  // upgrade_configs
                case 27:  // hedge_policy
                case 28:  // grpc_timeout_offset
                case 31:  // max_internal_redirects
                case 34:  // internal_redirect_policy
                case 38:  // append_x_forwarded_host
                case 40:  // early_data_policy
                case 42:  // flush_timeout
                    r.skip();
                    break;
                default: throw new Refused("the action of a route has the unsupported field " + f);
            }
        }
        if (targets.isEmpty()) {
            throw new Refused("the action of a route names no cluster");
        }
    }

    private void weighted(Reader r) {
        targets.clear();
        totalWeight = 0;
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: {
                    Target t = Target.decode(r.message());
                    targets.add(t);
                    totalWeight += t.weight;
                    break;
                }
                case 2:   // runtime_key_prefix
                case 3:   // total_weight: the sum is in effect
                    r.skip();
                    break;
                default: throw new Refused("weighted clusters have the unsupported field " + f);
            }
        }
        if (totalWeight == 0 || totalWeight > 0xffffffffL) {
            throw new Refused("the weights of clusters add up to " + totalWeight);
        }
    }

    private void direct(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: directStatus = r.uint32(); break;
                case 2: body(r.message()); break;
                default: throw new Refused("a direct response has the unsupported field " + f);
            }
        }
        if (directStatus < 200 || directStatus > 599) {
            throw new Refused("a direct response has the status " + directStatus);
        }
    }

    private void body(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            if (f != 2 && f != 3) {
                throw new Refused("a direct response has a body that is not inline");
            }
            directBody = r.bytes();
        }
    }

    private void maxStreamDuration(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            if (f == 1) {
                maxStreamDuration = r.duration();
            } else {
                r.skip();
            }
        }
    }

    /** Reads an entry of typed_per_filter_config: a fault, or a filter that only those who are called have. */
    static Fault filter(Reader entry, Fault soFar) {
        Fault fault = soFar;
        for (int f; (f = entry.next()) != 0; ) {
            if (f != 2) {
                entry.skip();
                continue;
            }
            Reader any = entry.message();
            String type = "";
            Reader value = new Reader(new byte[0]);
            for (int g; (g = any.next()) != 0; ) {
                switch (g) {
                    case 1: type = any.string(); break;
                    case 2: value = any.message(); break;
                    default: any.skip();
                }
            }
            if (type.equals(Fault.TYPE)) {
                fault = Fault.decode(value);
            }
        }
        return fault;
    }

    boolean matches(Request request) {
        if (!matchesPath(request.path())) {
            return false;
        }
        for (int i = 0; i < headers.size(); i++) {
            if (!matches(headers.get(i), request)) {
                return false;
            }
        }
        for (int i = 0; i < queries.size(); i++) {
            if (!queries.get(i).matches(request.query())) {
                return false;
            }
        }
        return Fraction.hit(share);
    }

    static boolean matches(HeaderMatch match, Request request) {
        return match.matches(header(match.name, request));
    }

    /** Returns a header, or one of the parts that the API names like headers; null if the request does not have it. */
    static String header(String name, Request request) {
        switch (name) {
            case ":method": return request.method();
            case ":scheme": return request.scheme();
            case ":authority": return request.authority();
            case ":path": return request.query() == null ? request.path() : request.path() + '?' + request.query();
            default: return request.header(name);
        }
    }

    private boolean matchesPath(String p) {
        switch (pathKind) {
            case PREFIX: return p.regionMatches(!caseSensitive, 0, path, 0, path.length());
            case PATH: return caseSensitive ? p.equals(path) : p.equalsIgnoreCase(path);
            case REGEX: return pathRegex.matches(p);
            default: return p.regionMatches(!caseSensitive, 0, path, 0, path.length()) && (p.length() == path.length() || p.charAt(path.length()) == '/');
        }
    }

    Target target() {
        if (targets.size() == 1) {
            return targets.get(0);
        }
        long at = ThreadLocalRandom.current().nextLong(totalWeight);
        for (int i = 0; ; i++) {
            Target t = targets.get(i);
            at -= t.weight;
            if (at < 0) {
                return t;
            }
        }
    }

    /** Replaces what the match is about: the prefix, or else the whole path. */
    String replacePrefix(String p, String with) {
        boolean isPrefix = pathKind == PREFIX || pathKind == SEPARATED_PREFIX;
        return isPrefix ? with + p.substring(Math.min(p.length(), path.length())) : with;
    }

    String rewrite(String p) {
        return regexRewrite != null ? regexRewrite.apply(p) : prefixRewrite.isEmpty() ? p : replacePrefix(p, prefixRewrite);
    }
}
