package dev.mizzen.agent.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The table of troubleshooting in SPRING.md has every line that the agent writes. */
class TroubleshootingTest {
    /** A statement that writes a line, and a text in it. */
    private static final Pattern STATEMENT = Pattern.compile("(Log\\.info|[^.\\w]say|System\\.err\\.println)\\((?s:.*?)\\);"), TEXT = Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*)\"");
    private static final int SHORT = 16, COMPARED = 28;

    @Test
    void everyLineIsInTheTable() throws Exception {
        Path root = ControlPlane.root();
        String docs = new String(Files.readAllBytes(root.resolve("docs/SPRING.md")), StandardCharsets.UTF_8);
        String table = docs.substring(docs.indexOf("\n## Troubleshooting"));
        List<Path> sources;
        try (Stream<Path> files = Files.walk(root.resolve("agents/java"))) {
            sources = files.filter(f -> f.toString().endsWith(".java") && f.toString().contains("/src/main/")).collect(Collectors.toList());
        }
        TreeSet<String> missing = new TreeSet<>();
        int texts = 0;
        for (Path source : sources) {
            Matcher statement = STATEMENT.matcher(new String(Files.readAllBytes(source), StandardCharsets.UTF_8));
            while (statement.find()) {
                Matcher text = TEXT.matcher(statement.group());
                while (text.find()) {
                    String words = text.group(1).replace("\\\"", "\"").replaceFirst("^(mizzen: )?[ \";:,.]*", "");
                    if (words.length() < SHORT) {
                        continue;
                    }
                    texts++;
                    if (!table.contains(words.substring(0, Math.min(COMPARED, words.length())).trim())) {
                        missing.add(source.getFileName() + ": " + words);
                    }
                }
            }
        }
        assertTrue(texts > 40, texts + " texts");
        assertEquals("", String.join("\n", missing));
    }
}
