package dev.mizzen.agent.core.route;

import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A regular expression in RE2's syntax, which is Envoy's, run by java.util.regex. What the two read differently is translated or refused, so an
 * expression never matches more here than in Envoy. java.util.regex backtracks: a match that takes too many steps fails the call.
 */
final class Regex {
    /** A match took too long. Calls fail then, for "no match" could send them where they must not go. */
    static final class TooSlow extends RuntimeException {
        private static final long serialVersionUID = 1;

        TooSlow(String pattern) {
            super("the regular expression \"" + pattern + "\" takes too long", null, false, false);
        }
    }

    private static final int MAX_STEPS = 200_000;

    final String source;
    private final Pattern pattern;

    Regex(String source) {
        this.source = source;
        try {
            pattern = Pattern.compile(Re2.toJava(source), Pattern.UNIX_LINES);
        } catch (PatternSyntaxException e) {
            throw new Refused("the regular expression \"" + source + "\" is malformed: " + e.getDescription());
        } catch (StackOverflowError e) {
            throw new Refused("the regular expression \"" + source + "\" is nested too deeply");
        }
    }

    /** Reads an envoy.type.matcher.v3.RegexMatcher. */
    static Regex decode(Reader r) {
        String regex = "";
        for (int f; (f = r.next()) != 0; ) {
            if (f == 2) {
                regex = r.string();
            } else {
                r.skip(); // the engine: there is only RE2
            }
        }
        return new Regex(regex);
    }

    /** Reports whether the expression matches the whole text. */
    boolean matches(String text) {
        try {
            return pattern.matcher(new Steps(text)).matches();
        } catch (StackOverflowError e) {
            throw new TooSlow(source);
        }
    }

    /** Replaces each match. In the substitution, \1 to \9 are groups and \0 is the match. */
    String replaceAll(String text, String substitution) {
        try {
            Matcher m = pattern.matcher(new Steps(text));
            StringBuilder out = new StringBuilder();
            int from = 0;
            while (m.find()) {
                out.append(text, from, m.start());
                substitute(m, text, substitution, out);
                from = m.end();
            }
            return out.append(text, from, text.length()).toString();
        } catch (StackOverflowError e) {
            throw new TooSlow(source);
        }
    }

    private static void substitute(Matcher m, String text, String substitution, StringBuilder out) {
        for (int i = 0; i < substitution.length(); i++) {
            char c = substitution.charAt(i);
            if (c != '\\' || i + 1 == substitution.length()) {
                out.append(c);
                continue;
            }
            c = substitution.charAt(++i);
            int group = c - '0';
            if (group < 0 || group > 9) {
                out.append(c);
            } else if (group <= m.groupCount() && m.start(group) >= 0) {
                out.append(text, m.start(group), m.end(group));
            }
        }
    }

    /** Refuses a substitution that RE2 refuses: a group that the expression does not have, or a backslash before something else. */
    void check(String substitution) {
        int groups = pattern.matcher("").groupCount();
        for (int i = 0; i < substitution.length(); i++) {
            if (substitution.charAt(i) == '\\') {
                char c = ++i < substitution.length() ? substitution.charAt(i) : ' ';
                if (c != '\\' && (c < '0' || c - '0' > groups)) {
                    throw new Refused("the substitution \"" + substitution + "\" does not fit the regular expression \"" + source + "\"");
                }
            }
        }
    }

    /** A text that counts how often it is looked at. */
    private final class Steps implements CharSequence {
        private final String text;
        private int steps;

        Steps(String text) {
            this.text = text;
        }

        @Override
        public char charAt(int i) {
            if (++steps > MAX_STEPS) {
                throw new TooSlow(source);
            }
            return text.charAt(i);
        }

        @Override
        public int length() {
            return text.length();
        }

        @Override
        public CharSequence subSequence(int from, int to) {
            return text.substring(from, to);
        }

        @Override
        public String toString() {
            return text;
        }
    }
}
