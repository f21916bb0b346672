package dev.mizzen.agent.core.route;

import dev.mizzen.agent.bridge.Request;
import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;

/** An envoy.config.route.v3.RedirectAction. */
final class Redirect {
    private static final int[] STATUSES = {301, 302, 303, 307, 308};

    String scheme = "", host = "";
    int port;
    boolean stripQuery;
    int status = STATUSES[0];
    /** How the path changes: at most one of them. */
    String path, prefix;
    RegexRewrite regex;

    static Redirect decode(Reader r) {
        Redirect a = new Redirect();
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: a.host = r.string(); break;
                case 2: a.rewrite(r.string(), null, null); break;
                case 3: a.status = status(r.uint32()); break;
                case 4: a.scheme = r.bool() ? "https" : ""; break;
                case 5: a.rewrite(null, r.string(), null); break;
                case 6: a.stripQuery = r.bool(); break;
                case 7: a.scheme = r.string(); break;
                case 8: a.port = r.uint32(); break;
                case 9: a.rewrite(null, null, RegexRewrite.decode(r.message())); break;
                default: throw new Refused("a redirect has the unknown field " + f);
            }
        }
        return a;
    }

    private void rewrite(String path, String prefix, RegexRewrite regex) {
        this.path = path;
        this.prefix = prefix;
        this.regex = regex;
    }

    private static int status(int code) {
        if (code < 0 || code >= STATUSES.length) {
            throw new Refused("a redirect has the unknown response code " + code);
        }
        return STATUSES[code];
    }

    String location(Route route, Request request) {
        String requested = request.scheme();
        String s = scheme.isEmpty() ? requested : scheme;
        StringBuilder out = new StringBuilder(s).append("://").append(host.isEmpty() ? authority(request.authority(), requested, s) : host);
        if (port != 0) {
            out.append(':').append(port);
        }
        String p = path != null ? path : prefix != null ? route.replacePrefix(request.path(), prefix) : regex != null ? regex.apply(request.path()) : request.path();
        out.append(p);
        String query = request.query();
        if (query != null && !query.isEmpty() && !stripQuery && (path == null || path.indexOf('?') < 0)) {
            out.append('?').append(query);
        }
        return out.toString();
    }

    /** Removes the port if there is a new one, or if it is the default of a scheme that changes. */
    private String authority(String authority, String requested, String s) {
        int colon = authority.lastIndexOf(':');
        if (colon < 0 || authority.indexOf(']', colon) > 0) {
            return authority;
        }
        String old = authority.substring(colon + 1);
        boolean isDefault = old.equals("http".equals(requested) ? "80" : "443");
        return port != 0 || isDefault && !s.equals(requested) ? authority.substring(0, colon) : authority;
    }
}
