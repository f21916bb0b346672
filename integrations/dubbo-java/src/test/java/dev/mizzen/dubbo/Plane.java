package dev.mizzen.dubbo;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.Callable;

/** A real control plane in a process of its own, over a folder. {@code make build} has built it. */
final class Plane implements AutoCloseable {
    private final Path dir;
    /** Its address, which stays the same after a restart. */
    private String xds = "127.0.0.1:0";
    private Process process;

    Plane(Path dir, String... objects) throws Exception {
        this.dir = Files.createDirectories(dir.resolve("objects"));
        write(objects);
        run();
    }

    private static String binary() {
        String binary = System.getenv("CONTROLPLANE");
        return binary != null ? binary : Paths.get("../../bin/controlplane").toAbsolutePath().toString();
    }

    /** Starts the process, also after {@link #kill}. */
    void run() throws Exception {
        File log = File.createTempFile("controlplane", ".log", new File("target"));
        process = new ProcessBuilder(binary(), "serve", "--files=" + dir, "--xds-address=" + xds, "--admin-address=127.0.0.1:0").redirectError(log).start();
        BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        for (String line; (line = out.readLine()) != null; ) {
            if (line.startsWith("ready xds=")) {
                xds = line.substring("ready xds=".length()).split(" ")[0];
                return;
            }
        }
        throw new AssertionError("the control plane ends: " + new String(Files.readAllBytes(log.toPath()), StandardCharsets.UTF_8));
    }

    /** Ends the process as a crash would. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    @Override
    public void close() throws InterruptedException {
        kill();
    }

    /** Replaces all objects in one step. */
    void write(String... objects) throws IOException {
        Path draft = dir.resolve(".draft");
        Files.write(draft, String.join("\n---\n", objects).getBytes(StandardCharsets.UTF_8));
        Files.move(draft, dir.resolve("objects.yaml"), StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }

    /** A bootstrap of a client in the namespace demo. */
    Path bootstrap() throws IOException {
        return Files.write(dir.resolveSibling("bootstrap.json"), ("{\"xds_servers\":[{\"server_uri\":\"" + xds + "\",\"channel_creds\":[{\"type\":\"insecure\"}]}],"
                + "\"node\":{\"id\":\"dubbo\",\"metadata\":{\"NAMESPACE\":\"demo\"}}}").getBytes(StandardCharsets.UTF_8));
    }

    /** A Service NAME with the port 8080, and its endpoints. One is PORT=VERSION. */
    static String service(String name, String... endpoints) {
        StringBuilder text = new StringBuilder("apiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", namespace: demo}\n"
                + "spec: {selector: {app: " + name + "}, ports: [{name: grpc, port: 8080}]}");
        for (int i = 0; i < endpoints.length; i++) {
            String[] e = endpoints[i].split("=");
            String pod = name + "-" + i;
            text.append("\n---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " + pod + ", namespace: demo, labels: {kubernetes.io/service-name: " + name + "}}\n"
                    + "addressType: IPv4\nports: [{name: grpc, port: " + e[0] + "}]\nendpoints: [{addresses: [127.0.0.1], targetRef: {kind: Pod, name: " + pod + ", namespace: demo}}]\n"
                    + "---\napiVersion: v1\nkind: Pod\nmetadata: {name: " + pod + ", namespace: demo, labels: {app: " + name + ", version: " + e[1] + "}}\nstatus: {podIP: 127.0.0.1}");
        }
        return text.toString();
    }

    /** A DestinationRule with the subsets v1 and v2. */
    static String subsets(String host) {
        return "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " + host + ", namespace: demo}\n"
                + "spec: {host: " + host + ", subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}";
    }

    /** A VirtualService; each rule is an HTTPRoute as YAML in one line. */
    static String routes(String host, String... rules) {
        return "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " + host + ", namespace: demo}\nspec:\n  hosts: [" + host + "]\n  http:\n  - "
                + String.join("\n  - ", rules);
    }

    /** The part of a rule that sends all calls to a subset. */
    static String to(String host, String subset) {
        return "route: [{destination: {host: " + host + ", subset: " + subset + "}}]";
    }

    /** Waits until a condition holds. */
    static void until(String what, Callable<Boolean> condition) throws Exception {
        long end = System.nanoTime() + 30_000_000_000L;
        while (!condition.call()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("not within 30 seconds: " + what);
            }
            Thread.sleep(5); // a state of another process
        }
    }
}
