package dev.mizzen.agent.hook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The jar in a JVM of its own: what it says, and what it costs. */
@Timeout(120)
class JarTest {
    private static final File JAR = new File("../../agent/target/mizzen-agent.jar");
    private static final String BOOTSTRAP = "{\"xds_servers\": [{\"server_uri\": \"127.0.0.1:1\", \"channel_creds\": [{\"type\": \"insecure\"}]}], \"node\": {\"id\": \"a\"}}";

    /** Runs shop.Main and returns its lines, standard error included. */
    private static List<String> run(String bootstrap, List<String> options, String... args) throws Exception {
        List<String> command = new ArrayList<>(options);
        command.addAll(Arrays.asList("-cp", args.length == 0 ? own() : application(), "shop.Main"));
        command.addAll(Arrays.asList(args));
        return java(0, bootstrap, command);
    }

    private static List<String> java(int status, String bootstrap, List<String> args) throws Exception {
        assertTrue(JAR.isFile(), JAR + " is missing. Run mvn package");
        List<String> command = new ArrayList<>(args);
        command.add(0, System.getProperty("java.home") + "/bin/java");
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().remove("GRPC_XDS_BOOTSTRAP");
        builder.environment().remove("GRPC_XDS_BOOTSTRAP_CONFIG");
        if (bootstrap != null) {
            builder.environment().put("GRPC_XDS_BOOTSTRAP_CONFIG", bootstrap);
        }
        Process process = builder.start();
        List<String> lines;
        try (BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
            lines = out.lines().filter(l -> !l.contains("VM warning")).collect(Collectors.toList());
        }
        assertEquals(status, process.waitFor(), lines::toString);
        return lines;
    }

    /** The class path without the agent's own parts. */
    private static String application() {
        return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(e -> !e.matches(".*/agents/java/(agent|bridge|core|adapters)/.*")).collect(Collectors.joining(File.pathSeparator));
    }

    /** Where shop.Main is. It needs no library before it calls. */
    private static String own() {
        return new File("target/test-classes").getPath();
    }

    private static List<String> said(List<String> lines) {
        return lines.stream().filter(l -> l.startsWith("mizzen: ")).collect(Collectors.toList());
    }

    private static String agent() {
        return "-javaagent:" + JAR.getPath();
    }

    @Test
    void oneLineIsSaidAtStart() throws Exception {
        List<String> said = said(run(BOOTSTRAP, Arrays.asList(agent())));
        assertEquals(1, said.size(), said::toString);
        assertTrue(said.get(0).contains("control plane 127.0.0.1:1, mode mesh-first"), said::toString);
    }

    @Test
    void itCanBeOff() throws Exception {
        for (String off : new String[] {"off", "OFF", "false"}) {
            List<String> said = said(run(BOOTSTRAP, Arrays.asList("-Dmizzen.agent=" + off, agent())));
            assertEquals(Arrays.asList("mizzen: the agent is off by mizzen.agent; the application runs without the mesh"), said);
        }
        List<String> said = said(run(BOOTSTRAP, Arrays.asList("-Dmizzen.agent=of", agent())));
        assertEquals("mizzen: mizzen.agent \"of\" is unknown; on is in effect. Set on or off", said.get(0), said::toString);
        assertEquals(2, said.size(), said::toString);
    }

    /** In the mode off it does not connect, and says so. */
    @Test
    void theModeCanBeOff() throws Exception {
        List<String> said = said(run(BOOTSTRAP, Arrays.asList("-Dmizzen.mode=off", agent()), "Feign"));
        assertEquals(1, said.size(), said::toString);
        assertTrue(said.get(0).endsWith(", mode off: calls go to the registry"), said::toString);
    }

    /** Runs the jar as a command, in the environment of an application that has the agent. Returns its exit code and its lines. */
    private static String command(String... args) throws Exception {
        List<String> command = new ArrayList<>(Arrays.asList(System.getProperty("java.home") + "/bin/java", "-jar", JAR.getPath()));
        command.addAll(Arrays.asList(args));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("JAVA_TOOL_OPTIONS", agent());
        builder.environment().put("GRPC_XDS_BOOTSTRAP_CONFIG", BOOTSTRAP);
        Process process = builder.start();
        try (BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
            String lines = out.lines().filter(l -> !l.contains("VM warning") && !l.startsWith("Picked up")).collect(Collectors.joining("\n"));
            return process.waitFor() + " " + lines;
        }
    }

    @Test
    void itIsACommand() throws Exception {
        assertEquals("1 mizzen: \"abc\" is not the id of a process", command("state", "abc"));
        assertEquals("1 mizzen: 99999999 is not a JVM that runs", command("state", "99999999"));
        assertEquals("2 mizzen: \"staet 1\" is not a command. Use 'state PID', or 'help'", command("staet", "1"));
        Process other = new ProcessBuilder("sleep", "60").start();
        try {
            long pid = (Long) Process.class.getMethod("pid").invoke(other);
            assertEquals("1 mizzen: " + pid + " is not a JVM that runs", command("state", String.valueOf(pid)));
            assertTrue(other.isAlive(), "the process was ended");
        } finally {
            other.destroy();
        }
        String help = command();
        assertTrue(help.startsWith("0 Mizzen's agent for Spring Cloud applications, "), help);
        assertTrue(help.contains("mizzen.reconnect.max=") && help.contains("mizzen.lane.key="), help);
    }

    @Test
    void theSecondOneDoesNothing() throws Exception {
        List<String> said = said(run(BOOTSTRAP, Arrays.asList(agent(), agent())));
        assertEquals(2, said.size(), said::toString);
        assertTrue(said.get(1).contains("started twice"), said::toString);
    }

    /** JAVA_TOOL_OPTIONS of a container name the agent for every JVM there, also for the one that asks the agent of the application for its state. */
    @Test
    void theCommandForTheStateIsNoApplication() throws Exception {
        assertEquals(Arrays.asList(), said(java(0, BOOTSTRAP, Arrays.asList(agent(), "-jar", JAR.getPath()))));
        List<String> said = said(java(1, BOOTSTRAP, Arrays.asList("--limit-modules", "java.instrument", agent(), "-jar", JAR.getPath(), "state", "1")));
        assertEquals(1, said.size(), said::toString);
        assertTrue(said.get(0).contains("no module jdk.attach"), said::toString);
    }

    @Test
    void withoutABootstrapTheApplicationRuns() throws Exception {
        for (String bootstrap : new String[] {null, "", "{", "[]", "{\"xds_servers\": []}"}) {
            List<String> lines = run(bootstrap, Arrays.asList(agent()), "Feign");
            assertEquals(1, said(lines).size(), () -> bootstrap + ": " + lines);
            assertTrue(said(lines).get(0).contains("runs without the mesh"), lines::toString);
        }
    }

    /** The control plane is away, so the application's own balancer decides; all woven classes are verified. */
    @Test
    void wovenClassesAreVerified() throws Exception {
        for (String client : new String[] {"RestTemplate", "WebClient", "Feign"}) {
            List<String> lines = run(BOOTSTRAP, Arrays.asList("-XX:+UnlockDiagnosticVMOptions", "-XX:+BytecodeVerificationLocal", "-XX:+BytecodeVerificationRemote", "-Dmizzen.wait=100ms", agent()), client);
            assertTrue(lines.stream().noneMatch(l -> l.contains("VerifyError") || l.contains("cannot be")), lines::toString);
            assertTrue(said(lines).stream().anyMatch(l -> l.contains("follow")), lines::toString);
        }
    }

    /** Compared with an agent that does nothing: what the JVM itself does for any agent is not ours. */
    @Test
    void theAgentIsSmall(@TempDir Path dir) throws Exception {
        assertTrue(JAR.length() <= 400 * 1024, JAR.length() + " bytes");
        String idle = "-javaagent:" + idle(dir.resolve("idle.jar"));
        long cpu = Long.MAX_VALUE, bare = Long.MAX_VALUE, classes = Long.MAX_VALUE, fewest = Long.MAX_VALUE;
        for (int i = 0; i < 7; i++) {
            List<String> without = run(BOOTSTRAP, Arrays.asList(idle)), with = run(BOOTSTRAP, Arrays.asList(agent()));
            bare = Math.min(bare, figure(without, "cpu"));
            cpu = Math.min(cpu, figure(with, "cpu"));
            fewest = Math.min(fewest, figure(without, "classes"));
            classes = Math.min(classes, figure(with, "classes"));
        }
        String figures = (cpu - bare) / 1_000_000 + " ms of CPU, " + (classes - fewest) + " classes, " + JAR.length() / 1024 + " KiB";
        System.out.println("The agent costs " + figures);
        assertTrue(classes - fewest <= 150, figures);
        assertTrue(cpu - bare <= 30_000_000, figures);
    }

    /** A jar with an agent that does nothing. */
    private static Path idle(Path jar) throws Exception {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().putValue("Manifest-Version", "1.0");
        manifest.getMainAttributes().putValue("Premain-Class", Idle.class.getName());
        new JarOutputStream(Files.newOutputStream(jar), manifest).close();
        return jar;
    }

    /** It is on the class path. */
    public static final class Idle {
        public static void premain(String args) {
        }
    }

    private static long figure(List<String> lines, String name) {
        for (String line : lines) {
            for (String word : line.split(" ")) {
                if (word.startsWith(name + "=")) {
                    return Long.parseLong(word.substring(name.length() + 1));
                }
            }
        }
        throw new AssertionError(lines.toString());
    }
}
