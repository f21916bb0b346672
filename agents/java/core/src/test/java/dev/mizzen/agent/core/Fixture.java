package dev.mizzen.agent.core;

import dev.mizzen.agent.bridge.Attempt;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Request;
import dev.mizzen.agent.bridge.Service;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Callable;

/** What tests of the core share. */
final class Fixture {
    private Fixture() {
    }

    /** @param server one address, or several with commas between them */
    static String bootstrap(String server) {
        return bootstrap(server, "{\"type\":\"insecure\"}", "");
    }

    static String bootstrap(String server, String credentials, String call) {
        StringBuilder servers = new StringBuilder();
        for (String s : server.split(",")) {
            servers.append(servers.length() == 0 ? "" : ",").append("{\"server_uri\":\"" + s + "\",\"channel_creds\":[" + credentials + "]" + call + "}");
        }
        return "{\"xds_servers\":[" + servers + "],"
            + "\"node\":{\"id\":\"mizzen~shop~test\",\"cluster\":\"test.shop\",\"locality\":{},\"metadata\":{\"NAMESPACE\":\"shop\",\"CERTIFICATE_PROVIDERS\":[\"default\"],\"LABELS\":{\"app\":\"test\"}}}}";
    }

    static Config config(String bootstrap, String... properties) {
        Map<String, String> env = new HashMap<>();
        env.put(Bootstrap.TEXT, bootstrap);
        Properties p = new Properties();
        for (int i = 0; i < properties.length; i += 2) {
            p.setProperty(properties[i], properties[i + 1]);
        }
        return Config.read(env, p);
    }

    static Mesh mesh(String server, String... properties) {
        return Core.start(config(bootstrap(server), properties));
    }

    /** A request: GET of a path with a query, and headers as names and values. */
    static Request get(String uri, String... headers) {
        return new TestRequest("GET", uri, headers);
    }

    /** Returns the address that a call goes to, or why there is none. */
    static String pick(Service s, Request r) {
        Plan plan = s.plan(r);
        Attempt a = plan.attempt(null);
        if (a == null) {
            return plan.failure();
        }
        a.done(200);
        return a.endpoint().host() + ":" + a.endpoint().port();
    }

    /** Waits until a condition holds. */
    static void until(String what, Callable<Boolean> condition) throws Exception {
        long end = System.nanoTime() + 20_000_000_000L;
        while (!condition.call()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("not within 20 seconds: " + what);
            }
            Thread.sleep(2); // a state of another process
        }
    }

    /** Replaces a file at once, so that its reader sees the old or the new text. */
    static void write(Path folder, String name, String text) throws IOException {
        Path temp = Files.createTempFile(folder.getParent(), "new", ".tmp");
        Files.write(temp, text.getBytes(StandardCharsets.UTF_8));
        Files.move(temp, folder.resolve(name), StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }

    /** The objects of a service in shop with the versions v1 at port 20001 and v2 at port 20002. */
    static String service(String name) {
        StringBuilder yaml = new StringBuilder("apiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", namespace: shop}\n"
            + "spec: {selector: {app: " + name + "}, ports: [{name: http, port: 80, targetPort: 20001, appProtocol: http}]}\n");
        for (int v = 1; v <= 2; v++) {
            yaml.append("---\napiVersion: v1\nkind: Pod\nmetadata: {name: " + name + "-v" + v + ", namespace: shop, labels: {app: " + name + ", version: v" + v + "}}\n"
                + "spec: {containers: [{name: a, image: a}]}\nstatus: {podIP: 127.0.0.1}\n"
                + "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " + name + "-" + v + ", namespace: shop, labels: {kubernetes.io/service-name: " + name + "}}\n"
                + "addressType: IPv4\nports: [{name: http, port: " + (20000 + v) + "}]\n"
                + "endpoints: [{addresses: [127.0.0.1], conditions: {ready: true}, targetRef: {kind: Pod, namespace: shop, name: " + name + "-v" + v + "}}]\n");
        }
        return yaml + "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " + name + ", namespace: shop}\n"
            + "spec: {host: " + name + ", subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}\n";
    }

    static String rule(String name, String http) {
        return "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " + name + ", namespace: shop}\nspec:\n  hosts: [" + name + "]\n  http:\n" + http;
    }

    static String to(String name, String version) {
        return "  - route: [{destination: {host: " + name + ", subset: " + version + "}}]\n";
    }
}
