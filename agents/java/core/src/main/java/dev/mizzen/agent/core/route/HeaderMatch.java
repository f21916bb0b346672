package dev.mizzen.agent.core.route;

import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;
import java.util.Locale;

/** An envoy.config.route.v3.HeaderMatcher. */
final class HeaderMatch {
    final String name;
    /** One of these three decides. */
    final StringMatch string;
    final long[] range;
    final Boolean present;
    final boolean invert, missingIsEmpty;

    private HeaderMatch(String name, StringMatch string, long[] range, Boolean present, boolean invert, boolean missingIsEmpty) {
        this.name = name;
        this.string = string;
        this.range = range;
        this.present = present;
        this.invert = invert;
        this.missingIsEmpty = missingIsEmpty;
    }

    static HeaderMatch decode(Reader r) {
        String name = "";
        StringMatch string = null;
        long[] range = null;
        Boolean present = null;
        boolean invert = false, missingIsEmpty = false;
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: name = r.string().toLowerCase(Locale.ROOT); break;
                case 8: invert = r.bool(); continue;
                case 14: missingIsEmpty = r.bool(); continue;
                default:
                    // The specifiers are a oneof: the last one is in effect.
                    string = f == 6 || f == 7 ? null : string(f, r);
                    range = f == 6 ? range(r.message()) : null;
                    present = f == 7 ? (Boolean) r.bool() : null;
            }
        }
        if (name.isEmpty()) {
            throw new Refused("a header matcher has no name");
        }
        if (string == null && range == null && present == null) {
            present = true;
        }
        return new HeaderMatch(name, string, range, present, invert, missingIsEmpty);
    }

    private static StringMatch string(int field, Reader r) {
        switch (field) {
            case 4: return new StringMatch(StringMatch.EXACT, r.string(), null, false);
            case 9: return new StringMatch(StringMatch.PREFIX, r.string(), null, false);
            case 10: return new StringMatch(StringMatch.SUFFIX, r.string(), null, false);
            case 11: return new StringMatch(StringMatch.REGEX, "", Regex.decode(r.message()), false);
            case 12: return new StringMatch(StringMatch.CONTAINS, r.string(), null, false);
            case 13: return StringMatch.decode(r.message());
            default: throw new Refused("a header matcher has the unknown field " + field);
        }
    }

    /** Reads an envoy.type.v3.Int64Range. */
    private static long[] range(Reader r) {
        long[] range = new long[2];
        for (int f; (f = r.next()) != 0; ) {
            if (f == 1 || f == 2) {
                range[f - 1] = r.varint();
            } else {
                r.skip();
            }
        }
        return range;
    }

    /** @param value the value of the header, or null if the request does not have it */
    boolean matches(String value) {
        if (present != null) {
            return (value != null) == present != invert;
        }
        if (value == null) {
            if (!missingIsEmpty) {
                return false; // inverted, too: a matcher applies only to a header that is there
            }
            value = "";
        }
        return (string != null ? string.matches(value) : inRange(value)) != invert;
    }

    private boolean inRange(String value) {
        try {
            long n = Long.parseLong(value);
            return n >= range[0] && n < range[1];
        } catch (NumberFormatException e) {
            return false;
        }
    }
}
