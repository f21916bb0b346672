package dev.mizzen.agent.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Service;
import io.envoyproxy.envoy.config.core.v3.Node;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;

/** Settings and bootstrap, and what happens if they are wrong. */
class ConfigTest {
    private static Config file(Path bootstrap) {
        return Config.read(Collections.singletonMap("GRPC_XDS_BOOTSTRAP", bootstrap.toString()), new Properties());
    }

    @Test
    void readsWhatTheCommandPrints() throws Exception {
        Path goldens = ControlPlane.root().resolve("internal/bootstrap/testdata");
        Bootstrap proving = file(goldens.resolve("proving.json")).bootstrap;
        Bootstrap.Server s = proving.servers.get(0);
        assertEquals("mizzen.mizzen-system.svc:15012 true /mizzen/ca.crt /mizzen/tls.crt /mizzen/tls.key /mizzen/token",
            s.address() + " " + s.tls + " " + s.authorities + " " + s.certificate + " " + s.key + " " + s.token);
        Node node = Node.parseFrom(file(goldens.resolve("full.json")).bootstrap.node("1.2.3"));
        assertEquals("checkout-7f9c checkout.shop eu eu-1 rack-4 mizzen-java-agent 1.2.3", node.getId() + " " + node.getCluster() + " " + node.getLocality().getRegion() + " "
            + node.getLocality().getZone() + " " + node.getLocality().getSubZone() + " " + node.getUserAgentName() + " " + node.getUserAgentVersion());
        assertEquals("v2", node.getMetadata().getFieldsOrThrow("LABELS").getStructValue().getFieldsOrThrow("version").getStringValue());
        assertTrue(node.getMetadata().getFieldsOrThrow("CERTIFICATE_PROVIDERS").getListValue().getValuesCount() > 0, node::toString);
    }

    /** The lane of this process: a setting, which is injected into pods, else the label in the bootstrap. */
    @Test
    void hasALaneOfItsOwn() {
        String labeled = Fixture.bootstrap("h:1").replace("\"app\":\"test\"", "\"lane\":\"label\"");
        String[][] cases = {{labeled, "", "label"}, {labeled, "gray", "gray"}, {Fixture.bootstrap("h:1"), "gray", "gray"}, {Fixture.bootstrap("h:1"), "", null}};
        for (String[] c : cases) {
            Map<String, String> env = new HashMap<>();
            env.put(Bootstrap.TEXT, c[0]);
            env.put("MIZZEN_LANE", c[1]); // empty in a pod without the label
            try (Mesh mesh = Core.start(Config.read(env, new Properties()))) {
                Map<String, String> headers = TestHeaders.edited(mesh.laneHeaders(Fixture.get("/")));
                assertEquals(c[2], headers.get("x-lane"));
            }
        }
    }

    /** Whatever is wrong with the bootstrap, there is a reason, and every service is unknown at once. */
    @Test
    void runsWithoutABootstrapThatCanBeUsed() {
        StringBuilder deep = new StringBuilder();
        for (int i = 0; i < 100_000; i++) {
            deep.append('[');
        }
        String[][] cases = {{"{", "it ends too soon"}, {"", "neither"}, {"{}", "xds_servers is empty"}, {"[1,2", "it ends too soon"}, {deep.toString(), "too many levels"},
            {"{\"a\":tru}", "an unknown word"}, {"{\"a\":1}x", "more text"}, {Fixture.bootstrap("no-port"), "is not HOST:PORT"}, {Fixture.bootstrap("h:99999"), "is not HOST:PORT"},
            {Fixture.bootstrap("h:1", "{\"type\":\"google_default\"}", ""), "of type insecure or tls"}};
        for (String[] c : cases) {
            Config config = Fixture.config(c[0]);
            assertNull(config.bootstrap);
            assertTrue(config.problem.contains(c[1]), config.problem);
            try (Mesh mesh = Core.start(config)) {
                assertEquals(Service.Presence.UNKNOWN, mesh.service("x", 0).await());
                assertTrue(mesh.state().contains("problem"));
            }
        }
        Config missing = file(java.nio.file.Paths.get("/nowhere/bootstrap.json"));
        assertTrue(missing.problem.contains("GRPC_XDS_BOOTSTRAP=/nowhere/bootstrap.json cannot be read"), missing.problem);
    }

    /** The node declares exactly the certificate providers that can be used, whatever its own metadata say. */
    @Test
    void declaresProvidersThatCanBeUsed() throws Exception {
        String watched = "\"plugin_name\":\"file_watcher\",\"config\":", providers = "\"certificate_providers\":{"
            + "\"default\":{" + watched + "{\"certificate_file\":\"c\",\"private_key_file\":\"k\",\"ca_certificate_file\":\"a\",\"refresh_interval\":\"1.5s\"}},"
            + "\"roots\":{" + watched + "{\"ca_certificate_file\":\"a\"}},\"half\":{" + watched + "{\"certificate_file\":\"c\",\"ca_certificate_file\":\"a\"}},"
            + "\"empty\":{" + watched + "{}},\"other\":{\"plugin_name\":\"vault\",\"config\":{}},\"odd\":7}";
        Bootstrap b = Fixture.config(Fixture.bootstrap("h:1").replaceFirst("\\{", "{" + providers + ",")).bootstrap;
        Node node = Node.parseFrom(b.node("1"));
        StringBuilder declared = new StringBuilder();
        node.getMetadata().getFieldsOrThrow("CERTIFICATE_PROVIDERS").getListValue().getValuesList().forEach(v -> declared.append(v.getStringValue()).append(' '));
        assertEquals("default roots ", declared.toString());
        assertFalse(Node.parseFrom(Fixture.config(Fixture.bootstrap("h:1")).bootstrap.node("1")).getMetadata().containsFields("CERTIFICATE_PROVIDERS"), "there are none");
    }

    @Test
    void takesTargetsOfGrpc() {
        for (String uri : "dns:///h:1 dns://8.8.8.8/h:1 dns:h:1 h:1 ipv4:h:1".split(" ")) {
            assertEquals("h:1", Fixture.config(Fixture.bootstrap(uri)).bootstrap.servers.get(0).address());
        }
        assertEquals("[::1]:1", Fixture.config(Fixture.bootstrap("ipv6:[::1]:1")).bootstrap.servers.get(0).address());
    }

    /** The hosts that clients without a balancer may call as services. */
    @Test
    void readsWhichHostsMayBeServices() {
        String[] hosts = {"orders", "Orders", "orders.shop", "orders.shop.svc", "orders.shop.svc.cluster.local", "api.example.com", "alias.example.com", "localhost", "app.localhost", "127.0.0.1", "[::1]", "10"};
        String[][] cases = {{null, ""}, {"off", ""}, {"on", "orders Orders orders.shop.svc orders.shop.svc.cluster.local alias.example.com"}, {"orders.shop, API.example.com", "orders.shop api.example.com"},
            {"on,api.example.com", "orders Orders orders.shop.svc orders.shop.svc.cluster.local api.example.com alias.example.com"}, {"127.0.0.1,localhost", ""}};
        for (String[] c : cases) {
            Properties system = new Properties();
            system.setProperty("mizzen.names", "alias.example.com:orders.shop");
            if (c[0] != null) {
                system.setProperty("mizzen.plain", c[0]);
            }
            Config config = Config.read(Collections.emptyMap(), system);
            StringBuilder plain = new StringBuilder();
            for (String host : hosts) {
                plain.append(config.plain(host) ? " " + host : "");
            }
            assertEquals(c[1], plain.toString().trim(), c[0]);
            assertEquals(c[0] != null && !c[0].equals("off"), config.plain());
        }
    }

    @Test
    void readsSettings() {
        Map<String, String> env = new HashMap<>();
        env.put("MIZZEN_MODE", "merge");
        env.put("MIZZEN_MODE_SC_B", "off");
        env.put("MIZZEN_WAIT", "soon");
        env.put("MIZZEN_STATE_MAX_AGE", "10m");
        env.put("MIZZEN_AGENT", "off");
        Properties system = new Properties();
        system.setProperty("mizzen.mode.sc-c", "registry-first");
        system.setProperty("mizzen.mode.sc-d", "wrong");
        system.setProperty("mizzen.names", "Orders-API:orders.shop, junk ,b:c:81");
        Config c = Config.read(env, system);
        assertEquals("MERGE OFF REGISTRY_FIRST MESH_FIRST", c.mode("sc-a") + " " + c.mode("sc-b") + " " + c.mode("sc-c") + " " + c.mode("sc-d"));
        assertEquals(2_000_000_000L, c.wait);
        assertEquals(600_000_000_000L, c.stateMaxAge);
        assertEquals(false, c.agent);
        assertEquals("orders.shop", c.names.get("orders-api"));
        assertEquals("c:81", c.names.get("b"));
    }
}
