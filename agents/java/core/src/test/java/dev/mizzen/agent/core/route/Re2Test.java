package dev.mizzen.agent.core.route;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.mizzen.agent.core.wire.Refused;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** RE2's syntax in java.util.regex. */
class Re2Test {
    private static void matches(String re, String yes, String no) {
        assertEquals(true, new Regex(re).matches(yes), re + " matches " + yes);
        assertEquals(false, new Regex(re).matches(no), re + " does not match " + no);
    }

    @Test
    void readsWhatBothKnow() {
        matches("a.c", "abc", "a\nc");
        matches("a.c", "a\rc", "a\nc"); // RE2 has one line terminator
        matches("(?s)a.c", "a\nc", "ac");
        matches("abc$", "abc", "abc\n"); // the end is the end of the text
        matches("(?i)ABC", "abc", "abd");
        matches("x{2,3}", "xx", "x");
        matches("x{a", "x{a", "xa");
        matches("a{,2}", "a{,2}", "aa");
        matches("[[:alpha:]_]+", "ab_", "a1");
        matches("[^[:digit:]]", "a", "1");
        matches("[]a]+", "]a", "b");
        matches("[a[]+", "a[", "b");
        matches("[a&&b]+", "&&ab", "c");
        matches("(?P<v>a)b", "ab", "b");
        matches("(?<v>a)b", "ab", "b");
        matches("(?:a|b)+?", "abab", "c");
        matches("\\Qa.b\\E+", "a.bb", "axb");
        matches("\\x41\\x{42}", "AB", "ab");
        matches("\\s", "\t", "\u000b");
        matches("[\\s]", " ", "\u000b");
        matches("\\S+", "a\u000b", " ");
        matches("\\pL\\p{Nd}", "é1", "11");
        matches("\\v", "\u000b", "\n");
        matches("\\Aab\\z", "ab", "b");
        matches("/api/v[0-9]+(/.*)?", "/api/v1/x", "/api/vx");
    }

    @Test
    void refusesWhatRe2Refuses() {
        for (String re : new String[] {"(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", "(?>a)", "a*+", "a++", "a?+", "a{2}+", "a{2}{3}", "a**", "(a)\\1", "\\k<v>", "\\Z", "\\G", "\\R", "\\X",
            "\\h", "\\cA", "\\u0041", "[[:nothing:]]", "\\p{IsGreek}", "\\p{javaLowerCase}", "(?x)a b", "(?U)a", "(?d)a", "(?u)a", "a{1001}", "(", "[a", "\\", "(?P<a", "\\x{41", "\\8"}) {
            assertThrows(Refused.class, () -> new Regex(re), re);
        }
    }

    @Test
    void replaces() {
        assertEquals("b-a, d-c", new Regex("(\\w)(\\w)").replaceAll("ab, cd", "\\2-\\1"));
        assertEquals("<ab>\\", new Regex("a(b)").replaceAll("ab", "<\\0>\\\\"));
        assertThrows(Refused.class, () -> new Regex("(a)").check("\\2"));
        assertThrows(Refused.class, () -> new Regex("(a)").check("\\x"));
        assertThrows(Refused.class, () -> new Regex("(a)").check("\\"));
    }

    /** Whatever the text is, it is refused or compiled by java.util.regex. */
    @Test
    void survivesRandomPatterns() {
        java.util.Random random = new java.util.Random(3);
        String alphabet = "ab.*+?()[]{}|\\^$-:,1=<>P!&\u00e9sdwpLQE";
        int compiled = 0;
        for (int i = 0; i < 200_000; i++) {
            StringBuilder re = new StringBuilder();
            for (int n = random.nextInt(10); n >= 0; n--) {
                re.append(alphabet.charAt(random.nextInt(alphabet.length())));
            }
            try {
                new Regex(re.toString());
                compiled++;
            } catch (Refused e) {
                continue;
            }
        }
        assertEquals(true, compiled > 10_000, "compiled " + compiled + " of the patterns; " + Pattern.class);
    }
}
