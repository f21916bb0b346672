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
        assertTrue(b.dropProviders());
        assertFalse(Node.parseFrom(b.node("1")).getMetadata().containsFields("CERTIFICATE_PROVIDERS"), "they are not used");
        assertFalse(b.dropProviders());
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

    /** What is printed to standard error when settings are read. */
    private static String said(Map<String, String> env, String... properties) {
        Properties system = new Properties();
        for (String p : properties) {
            system.setProperty(p.substring(0, p.indexOf('=')), p.substring(p.indexOf('=') + 1));
        }
        java.io.ByteArrayOutputStream out = new java.io.ByteArrayOutputStream();
        java.io.PrintStream before = System.err;
        System.setErr(new java.io.PrintStream(out, true));
        try {
            Config.read(env, system);
        } finally {
            System.setErr(before);
        }
        return out.toString().trim();
    }

    @Test
    void unknownNamesAndValuesAreLines() {
        Map<String, String> none = Collections.emptyMap();
        String[][] cases = {
            {"mizzen.modes=off", "mizzen.modes is not a setting; it has no effect. Did you mean mizzen.mode?"},
            {"mizzen.Mode=off", "mizzen.Mode is not a setting; it has no effect. Did you mean mizzen.mode?"},
            {"mizzen.elsewhere=off", "mizzen.elsewhere is not a setting; it has no effect. 'java -jar mizzen-agent.jar' lists the settings"},
            {"mizzen.agent=of", "mizzen.agent \"of\" is unknown; on is in effect. Set on or off"},
            {"mizzen.log=trace", "mizzen.log \"trace\" is unknown; info is in effect. Set info or debug"},
            {"mizzen.host=name", "mizzen.host \"name\" is unknown; address is in effect. Set address or service"},
            {"mizzen.mode=meshfirst", "mizzen.mode \"meshfirst\" is unknown; mesh-first is in effect. Set mesh-first, merge, registry-first or off"},
            {"mizzen.mode=merge, off", "mizzen.mode \"merge, off\" is unknown; mesh-first is in effect. Set mesh-first, merge, registry-first or off"},
            {"mizzen.mode.greeter=mesh", "mizzen.mode.greeter \"mesh\" is unknown; mesh-first is in effect. Set mesh-first, merge, registry-first or off"},
            {"mizzen.wait=2", "mizzen.wait \"2\" is not a duration; 2s is in effect. Set a number and ms, s, m or h"},
        };
        for (String[] c : cases) {
            assertEquals("mizzen: " + c[1], said(none, c[0]));
        }
        assertEquals("mizzen: MIZZEN_WAITT is not a setting; it has no effect. Did you mean MIZZEN_WAIT?", said(Collections.singletonMap("MIZZEN_WAITT", "1s")));
        assertEquals("mizzen: MIZZEN_MODE_GREETER \"mesh\" is unknown; merge is in effect. Set mesh-first, merge, registry-first or off",
            said(Collections.singletonMap("MIZZEN_MODE_GREETER", "mesh"), "mizzen.mode=merge"));
    }

    /** Settings in any case, and variables that Kubernetes sets for Services whose names begin with mizzen. */
    @Test
    void rightSettingsAreNoLines() {
        for (String name : ("MIZZEN_SERVICE_HOST MIZZEN_SERVICE_PORT MIZZEN_SERVICE_PORT_GRPC_XDS MIZZEN_PORT MIZZEN_PORT_15010_TCP MIZZEN_PORT_15010_TCP_PROTO "
                + "MIZZEN_PORT_15010_TCP_ADDR MIZZEN_CANARY_SERVICE_HOST MIZZEN_CANARY_PORT_15012_TCP_PORT MIZZEN_POD MIZZEN_NAMESPACE").split(" ")) {
            assertEquals("", said(Collections.singletonMap(name, "tcp://10.0.0.1:15010")), name);
        }
        for (String setting : "mizzen.mode=OFF mizzen.agent=False mizzen.agent=TRUE mizzen.log=Debug mizzen.mode.sc-b=Merge mizzen.plain=On,a.b mizzen.names=a:b mizzen.wait=1500ms".split(" ")) {
            assertEquals("", said(Collections.emptyMap(), setting), setting);
        }
    }

    /** The table of settings is the one of the documentation. */
    @Test
    void theSettingsAreDocumented() throws Exception {
        String docs = new String(java.nio.file.Files.readAllBytes(ControlPlane.root().resolve("docs/SPRING.md")), java.nio.charset.StandardCharsets.UTF_8);
        docs = docs.substring(docs.indexOf("\n## Settings"), docs.indexOf("\n## Troubleshooting"));
        int documented = docs.split("\n\\| `mizzen\\.", -1).length - 1;
        assertEquals(Setting.TABLE.length, documented, "rows of the table");
        for (Setting s : Setting.TABLE) {
            String row = "\n| `" + s.name + "` | " + (s.fallback.isEmpty() ? "" : "`" + s.fallback + "` ") + "| " + s.values + " | " + s.meaning;
            assertTrue(docs.contains(row), row);
            assertTrue(Setting.help().contains("  " + s.name + "="), s.name);
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
        system.setProperty("mizzen.mode.sc-c", "Registry-First");
        system.setProperty("mizzen.mode.sc-d", "wrong");
        system.setProperty("mizzen.names", "Orders-API:orders.shop, junk ,b:c:81");
        Config c = Config.read(env, system);
        assertEquals("MERGE OFF REGISTRY_FIRST MERGE", c.mode("sc-a") + " " + c.mode("sc-b") + " " + c.mode("sc-c") + " " + c.mode("sc-d"));
        assertEquals(2_000_000_000L, c.wait);
        assertEquals(600_000_000_000L, c.stateMaxAge);
        assertEquals(false, c.agent);
        assertFalse(c.isOff());
        assertEquals("orders.shop", c.names.get("orders-api"));
        assertEquals("c:81", c.names.get("b"));
    }
}
