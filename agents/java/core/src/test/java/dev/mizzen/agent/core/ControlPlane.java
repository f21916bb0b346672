package dev.mizzen.agent.core;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A real control plane in a process of its own, over a folder. */
public final class ControlPlane implements AutoCloseable {
    private static Path binary;
    private final Process process;
    /** HOST:PORT of xDS, of the admin address, and of xDS over TLS. */
    final String xds, admin, tls;

    private ControlPlane(Process process, String ready) {
        this.process = process;
        this.xds = word(ready, "xds=");
        this.admin = word(ready, "admin=");
        this.tls = word(ready, "xds_tls=");
    }

    private static String word(String line, String key) {
        for (String w : line.split(" ")) {
            if (w.startsWith(key)) {
                return w.substring(key.length());
            }
        }
        return "";
    }

    /** Builds the control plane of this checkout. A machine without Go fails the test. */
    private static synchronized Path binary() throws Exception {
        if (binary == null) {
            Path out = Paths.get("target", "controlplane").toAbsolutePath();
            go("build", "-o", out.toString(), "./cmd/controlplane");
            binary = out;
        }
        return binary;
    }

    /** Runs the go command at the root of the checkout. */
    public static void go(String... arguments) throws Exception {
        List<String> command = new ArrayList<>();
        command.add("go");
        command.addAll(java.util.Arrays.asList(arguments));
        Process p;
        try {
            p = new ProcessBuilder(command).directory(root().toFile()).inheritIO().start();
        } catch (IOException e) {
            throw new AssertionError("These tests run the real control plane. Install Go.", e);
        }
        if (p.waitFor() != 0) {
            throw new AssertionError(String.join(" ", command) + " fails");
        }
    }

    /** The root of the checkout. */
    public static Path root() {
        Path root = Paths.get("").toAbsolutePath();
        while (!Files.exists(root.resolve("go.mod"))) {
            root = root.getParent();
        }
        return root;
    }

    /** Runs a command of the control plane and returns its output. */
    public static String run(String... arguments) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(binary().toString());
        command.addAll(java.util.Arrays.asList(arguments));
        Path out = Files.createTempFile(Paths.get("target"), "run", ".json");
        Process p = new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        if (p.waitFor() != 0) {
            throw new AssertionError(command + " fails");
        }
        String text = new String(Files.readAllBytes(out), StandardCharsets.UTF_8);
        Files.delete(out);
        return text;
    }

    static ControlPlane serve(Path folder, String... more) throws Exception {
        return serveAt("127.0.0.1:0", folder, more);
    }

    static ControlPlane serveAt(String address, Path folder, String... more) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(binary().toString());
        command.add("serve");
        command.add("--files=" + folder);
        command.add("--admin-address=127.0.0.1:0");
        command.add("--xds-address=" + address);
        for (String m : more) {
            command.add(m);
        }
        File log = File.createTempFile("controlplane", ".log", new File("target"));
        Process p = new ProcessBuilder(command).redirectError(log).start();
        BufferedReader out = new BufferedReader(new InputStreamReader(p.getInputStream(), StandardCharsets.UTF_8));
        for (String line; (line = out.readLine()) != null; ) {
            if (line.startsWith("ready ")) {
                return new ControlPlane(p, line);
            }
        }
        throw new AssertionError("the control plane ends: " + new String(Files.readAllBytes(log.toPath()), StandardCharsets.UTF_8));
    }

    /** Kills the process, as the kernel does. */
    void kill() throws InterruptedException {
        process.destroyForcibly();
        process.waitFor();
    }

    @Override
    public void close() throws Exception {
        process.destroy();
        if (!process.waitFor(10, TimeUnit.SECONDS)) {
            kill();
        }
    }
}
