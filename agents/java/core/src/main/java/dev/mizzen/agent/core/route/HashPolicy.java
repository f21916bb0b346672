package dev.mizzen.agent.core.route;

import dev.mizzen.agent.bridge.Request;
import dev.mizzen.agent.core.wire.Reader;
import java.util.Locale;

/** A RouteAction.HashPolicy: what of a request selects its endpoint. */
final class HashPolicy {
    static final int HEADER = 1, COOKIE = 2, QUERY = 5;

    /** Other kinds than these hash nothing. */
    final int kind;
    final String name;
    final RegexRewrite rewrite;
    final boolean terminal;

    private HashPolicy(int kind, String name, RegexRewrite rewrite, boolean terminal) {
        this.kind = kind;
        this.name = name;
        this.rewrite = rewrite;
        this.terminal = terminal;
    }

    static HashPolicy decode(Reader r) {
        int kind = 0;
        String name = "";
        RegexRewrite rewrite = null;
        boolean terminal = false;
        for (int f; (f = r.next()) != 0; ) {
            if (f == 4) {
                terminal = r.bool();
                continue;
            }
            if (f != HEADER && f != COOKIE && f != QUERY) {
                kind = f;
                r.skip(); // the address of the caller, or a state of filters, which this client does not have
                continue;
            }
            kind = f;
            rewrite = null;
            Reader m = r.message();
            for (int g; (g = m.next()) != 0; ) {
                if (g == 1) {
                    name = f == HEADER ? m.string().toLowerCase(Locale.ROOT) : m.string();
                } else if (g == 2 && f == HEADER) {
                    rewrite = RegexRewrite.decode(m.message());
                } else {
                    m.skip();
                }
            }
        }
        return new HashPolicy(kind, name, rewrite, terminal);
    }

    /** Returns what is hashed, or null if the request does not have it. */
    String value(Request request) {
        switch (kind) {
            case HEADER: {
                String value = request.header(name);
                return value == null || rewrite == null ? value : rewrite.apply(value);
            }
            case COOKIE: return cookie(request.header("cookie"), name);
            case QUERY: return QueryMatch.value(request.query(), name);
            default: return null;
        }
    }

    static String cookie(String header, String name) {
        if (header == null) {
            return null;
        }
        for (int from = 0; from < header.length(); ) {
            int end = header.indexOf(';', from);
            end = end < 0 ? header.length() : end;
            int equals = header.indexOf('=', from);
            if (equals > 0 && equals < end && header.substring(from, equals).trim().equals(name)) {
                String value = header.substring(equals + 1, end).trim();
                boolean quoted = value.length() > 1 && value.startsWith("\"") && value.endsWith("\"");
                return quoted ? value.substring(1, value.length() - 1) : value;
            }
            from = end + 1;
        }
        return null;
    }
}
