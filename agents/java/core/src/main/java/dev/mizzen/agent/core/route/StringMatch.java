package dev.mizzen.agent.core.route;

import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;
import java.util.Locale;

/** An envoy.type.matcher.v3.StringMatcher. */
public final class StringMatch {
    static final int EXACT = 1, PREFIX = 2, SUFFIX = 3, REGEX = 5, IGNORE_CASE = 6, CONTAINS = 7;

    final int kind;
    /** In lower case if the case is ignored. */
    final String text;
    final Regex regex;
    final boolean ignoreCase;

    StringMatch(int kind, String text, Regex regex, boolean ignoreCase) {
        this.kind = kind;
        this.regex = regex;
        this.ignoreCase = ignoreCase && kind != REGEX; // Envoy ignores the case of no regular expression
        this.text = this.ignoreCase ? text.toLowerCase(Locale.ROOT) : text;
    }

    public static StringMatch decode(Reader r) {
        int kind = 0;
        String text = "";
        Regex regex = null;
        boolean ignoreCase = false;
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case EXACT:
                case PREFIX:
                case SUFFIX:
                case CONTAINS:
                    kind = f;
                    text = r.string();
                    break;
                case REGEX:
                    kind = f;
                    regex = Regex.decode(r.message());
                    break;
                case IGNORE_CASE:
                    ignoreCase = r.bool();
                    break;
                default:
                    throw new Refused("a string matcher has the unknown field " + f);
            }
        }
        if (kind == 0) {
            throw new Refused("a string matcher is empty");
        }
        return new StringMatch(kind, text, regex, ignoreCase);
    }

    /** The text to be equal to, whatever the case; null if the matcher is of another kind. */
    public String exact() {
        return kind == EXACT ? text : null;
    }

    public boolean matches(String value) {
        if (kind == REGEX) {
            return regex.matches(value);
        }
        String v = ignoreCase ? value.toLowerCase(Locale.ROOT) : value;
        switch (kind) {
            case EXACT: return v.equals(text);
            case PREFIX: return v.startsWith(text);
            case SUFFIX: return v.endsWith(text);
            default: return v.contains(text);
        }
    }
}
