package dev.mizzen.agent.core.route;

import dev.mizzen.agent.core.wire.Refused;

/** Translates RE2's syntax to that of java.util.regex with UNIX_LINES. */
final class Re2 {
    /** RE2 refuses more repetitions. */
    private static final int MAX_REPEAT = 1000;
    /** RE2's \s, which has no vertical tab. */
    private static final String SPACE = "\\t\\n\\f\\r ";
    private static final String[] CLASSES = {"alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
        "xdigit"};
    private static final String[] JAVA = {"\\p{Alnum}", "\\p{Alpha}", "\\p{ASCII}", "\\p{Blank}", "\\p{Cntrl}", "\\p{Digit}", "\\p{Graph}", "\\p{Lower}",
        "\\p{Print}", "\\p{Punct}", "\\t\\n\\x0B\\f\\r ", "\\p{Upper}", "\\w", "\\p{XDigit}"};

    private final String re;
    private final StringBuilder out = new StringBuilder();
    private int at;

    private Re2(String re) {
        this.re = re;
    }

    static String toJava(String re) {
        Re2 t = new Re2(re);
        while (t.at < re.length()) {
            t.item();
        }
        return t.out.toString();
    }

    private Refused refuse(String what) {
        return new Refused("the regular expression \"" + re + "\" has " + what);
    }

    private char next() {
        if (at == re.length()) {
            throw refuse("an end that is too early");
        }
        return re.charAt(at++);
    }

    private void item() {
        char c = next();
        switch (c) {
            case '\\': escape(false); break;
            case '[': charClass(); break;
            case '(': group(); break;
            case '$': out.append("\\z"); break;
            case '{': brace(); break;
            case '*':
            case '+':
            case '?': out.append(c); afterRepeat(); break;
            default: out.append(c);
        }
    }

    /** A repetition may be followed by one question mark. Another repetition is possessive in Java and an error in RE2. */
    private void afterRepeat() {
        if (at < re.length() && re.charAt(at) == '?') {
            out.append('?');
            at++;
        }
        if (at < re.length() && ("*+?".indexOf(re.charAt(at)) >= 0 || re.charAt(at) == '{' && repeatEnd() > 0)) {
            throw refuse("a repetition of a repetition");
        }
    }

    /** Returns where a repetition such as {2,3} ends that begins at the current brace; 0 if the brace is only a character. */
    private int repeatEnd() {
        int i = at + 1, digits = 0, commas = 0;
        for (; i < re.length() && re.charAt(i) != '}'; i++) {
            char c = re.charAt(i);
            if (c >= '0' && c <= '9') {
                digits++;
            } else if (c == ',' && digits > 0 && commas == 0) {
                commas++;
            } else {
                return 0;
            }
        }
        return i < re.length() && digits > 0 ? i + 1 : 0;
    }

    private void brace() {
        at--;
        int end = repeatEnd();
        if (end == 0) {
            out.append("\\{");
            at++;
            return;
        }
        int n = 0;
        for (int i = at + 1; i < end; i++) {
            char c = re.charAt(i);
            n = c >= '0' && c <= '9' ? n * 10 + c - '0' : 0;
            if (n > MAX_REPEAT) {
                throw refuse("more than " + MAX_REPEAT + " repetitions");
            }
        }
        out.append(re, at, end);
        at = end;
        afterRepeat();
    }

    private void group() {
        out.append('(');
        if (at == re.length() || re.charAt(at) != '?') {
            return;
        }
        at++;
        out.append('?');
        if (re.startsWith("P<", at) || re.startsWith("<", at) && !re.startsWith("<=", at) && !re.startsWith("<!", at)) {
            at = re.indexOf('<', at) + 1;
            out.append('<');
            while (at < re.length() && re.charAt(at) != '>') {
                char c = next();
                if (c == '_') {
                    throw refuse("an underscore in the name of a group");
                }
                out.append(c);
            }
            out.append(next());
            return;
        }
        while (true) {
            char c = next();
            if ("is-:)".indexOf(c) < 0) {
                throw refuse("a group of an unsupported kind");
            }
            out.append(c);
            if (c == ':' || c == ')') {
                return;
            }
        }
    }

    private void charClass() {
        out.append('[');
        if (at < re.length() && re.charAt(at) == '^') {
            out.append('^');
            at++;
        }
        boolean first = true;
        while (true) {
            char c = next();
            if (c == ']' && !first) {
                out.append(']');
                return;
            }
            first = false;
            if (c == '[' && at < re.length() && re.charAt(at) == ':' && re.indexOf(":]", at + 1) > 0) {
                posix();
            } else if (c == '\\') {
                escape(true);
            } else if ("[]&^".indexOf(c) >= 0) {
                out.append('\\').append(c);
            } else {
                out.append(c);
            }
        }
    }

    private void posix() {
        int end = re.indexOf(":]", at + 1);
        String name = re.substring(at + 1, end);
        for (int i = 0; i < CLASSES.length; i++) {
            if (CLASSES[i].equals(name)) {
                out.append(JAVA[i]);
                at = end + 2;
                return;
            }
        }
        throw refuse("an unsupported class of characters, " + name);
    }

    private void escape(boolean inClass) {
        char c = next();
        if ("dDwWtnrfaQE".indexOf(c) >= 0 && !(inClass && c == 'Q') || !isWord(c)) {
            if (c == 'Q') {
                quote();
            } else if (c == 'E') {
                return;
            } else {
                out.append('\\').append(c);
            }
        } else if (c == 's') {
            out.append(inClass ? SPACE : "[" + SPACE + "]");
        } else if (c == 'S' && !inClass) {
            out.append("[^" + SPACE + "]");
        } else if (c == 'v') {
            out.append("\\x0B");
        } else if ("bBAz".indexOf(c) >= 0 && !inClass) {
            out.append('\\').append(c);
        } else if (c == 'p' || c == 'P') {
            property(c);
        } else if (c == 'x') {
            hexadecimal();
        } else {
            throw refuse("the unsupported escape \\" + c);
        }
    }

    private static boolean isWord(char c) {
        return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_' || c > 127;
    }

    /** Copies a text between \Q and \E, each character escaped. */
    private void quote() {
        int end = re.indexOf("\\E", at);
        String text = end < 0 ? re.substring(at) : re.substring(at, end);
        at = end < 0 ? re.length() : end + 2;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!isWord(c)) {
                out.append('\\');
            }
            out.append(c);
        }
    }

    private void hexadecimal() {
        int end = at + 2;
        if (at < re.length() && re.charAt(at) == '{') {
            end = re.indexOf('}', at) + 1;
        }
        if (end < at || end > re.length()) {
            throw refuse("an end that is too early");
        }
        out.append("\\x").append(re, at, end);
        at = end;
    }

    /** A general category, such as \pL or \p{Lu}. Scripts have other names in Java. */
    private void property(char p) {
        char c = next();
        String name = String.valueOf(c);
        if (c == '{') {
            int end = re.indexOf('}', at);
            if (end < 0) {
                throw refuse("an end that is too early");
            }
            name = re.substring(at, end);
            at = end + 1;
        }
        if (name.length() > 2 || name.isEmpty() || "LMNPSZC".indexOf(name.charAt(0)) < 0) {
            throw refuse("an unsupported class of characters, " + name);
        }
        out.append('\\').append(p).append('{').append(name).append('}');
    }
}
