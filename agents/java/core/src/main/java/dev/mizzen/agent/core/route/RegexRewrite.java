package dev.mizzen.agent.core.route;

import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;

/** An envoy.type.matcher.v3.RegexMatchAndSubstitute. */
final class RegexRewrite {
    final Regex regex;
    final String substitution;

    private RegexRewrite(Regex regex, String substitution) {
        this.regex = regex;
        this.substitution = substitution;
    }

    static RegexRewrite decode(Reader r) {
        Regex regex = null;
        String substitution = "";
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: regex = Regex.decode(r.message()); break;
                case 2: substitution = r.string(); break;
                default: r.skip();
            }
        }
        if (regex == null) {
            throw new Refused("a rewrite has no regular expression");
        }
        regex.check(substitution);
        return new RegexRewrite(regex, substitution);
    }

    String apply(String text) {
        return regex.replaceAll(text, substitution);
    }
}
