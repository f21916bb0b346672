package dev.mizzen.agent.core.route;

import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;

/** An envoy.config.route.v3.QueryParameterMatcher. */
final class QueryMatch {
    final String name;
    /** Null if only the presence decides. */
    final StringMatch string;
    final boolean present;

    private QueryMatch(String name, StringMatch string, boolean present) {
        this.name = name;
        this.string = string;
        this.present = present;
    }

    static QueryMatch decode(Reader r) {
        String name = "";
        StringMatch string = null;
        boolean present = true;
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: name = r.string(); break;
                case 5: string = StringMatch.decode(r.message()); present = true; break;
                case 6: present = r.bool(); string = null; break;
                default: throw new Refused("a query parameter matcher has the unknown field " + f);
            }
        }
        if (name.isEmpty()) {
            throw new Refused("a query parameter matcher has no name");
        }
        return new QueryMatch(name, string, present);
    }

    /** @param query the raw query, or null */
    boolean matches(String query) {
        String value = value(query, name);
        return string == null ? (value != null) == present : value != null && string.matches(value);
    }

    /** Returns the first value of a parameter, as it is in the query and not decoded; null if the query does not have it. */
    static String value(String query, String name) {
        if (query == null) {
            return null;
        }
        for (int from = 0; from <= query.length(); ) {
            int end = query.indexOf('&', from);
            if (end < 0) {
                end = query.length();
            }
            if (query.startsWith(name, from)) {
                int after = from + name.length();
                if (after == end) {
                    return "";
                }
                if (after < end && query.charAt(after) == '=') {
                    return query.substring(after + 1, end);
                }
            }
            from = end + 1;
        }
        return null;
    }
}
