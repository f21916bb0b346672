package dev.mizzen.agent.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Service;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The core follows a real control plane. */
class ControlPlaneTest {
    @TempDir
    Path temp;
    private Path folder;

    @org.junit.jupiter.api.BeforeEach
    void folder() throws Exception {
        folder = java.nio.file.Files.createDirectory(temp.resolve("mesh"));
        Fixture.write(folder, "a.yaml", Fixture.service("go-sc-a"));
    }

    @Test
    void balancesOverAllEndpoints() throws Exception {
        try (ControlPlane cp = ControlPlane.serve(folder); Mesh mesh = Fixture.mesh(cp.xds)) {
            Service s = mesh.service("GO-SC-A", 80);
            assertEquals(Service.Presence.KNOWN, s.await());
            Set<String> seen = new TreeSet<>();
            for (int i = 0; i < 10; i++) {
                seen.add(Fixture.pick(s, Fixture.get("/")));
            }
            assertEquals("[127.0.0.1:20001, 127.0.0.1:20002]", seen.toString());
            assertEquals(new HashSet<>(Collections.singleton("go-sc-a")), new HashSet<>(mesh.services()));
        }
    }

    @Test
    void tellsUnknownFromKnown() throws Exception {
        try (ControlPlane cp = ControlPlane.serve(folder); Mesh mesh = Fixture.mesh(cp.xds)) {
            assertEquals(Service.Presence.UNKNOWN, mesh.service("Nothing_Here", 80).await());
            assertEquals(Service.Presence.KNOWN, mesh.service("go-sc-a", 80).await());
        }
    }

    @Test
    void followsChangesOfRoutes() throws Exception {
        try (ControlPlane cp = ControlPlane.serve(folder); Mesh mesh = Fixture.mesh(cp.xds)) {
            Service s = mesh.service("go-sc-a", 80);
            assertEquals(Service.Presence.KNOWN, s.await());
            for (int v = 1; v <= 2; v++) {
                String wanted = "127.0.0.1:2000" + v;
                Fixture.write(folder, "vs.yaml", Fixture.rule("go-sc-a", Fixture.to("go-sc-a", "v" + v)));
                Fixture.until("all calls go to " + wanted, () -> {
                    for (int i = 0; i < 4; i++) {
                        String got = Fixture.pick(s, Fixture.get("/"));
                        assertEquals("127.0.0.1:2000", got.substring(0, 14), "a call must not fail while routes change");
                        if (!got.equals(wanted)) {
                            return false;
                        }
                    }
                    return true;
                });
            }
        }
    }

    /** Who keeps connections to all endpoints hears of each change of them, and of the routes. */
    @Test
    void reportsChanges() throws Exception {
        try (ControlPlane cp = ControlPlane.serve(folder); Mesh mesh = Fixture.mesh(cp.xds)) {
            Service s = mesh.service("go-sc-a", 80);
            assertEquals(Service.Presence.KNOWN, s.nextChange().toCompletableFuture().get(20, java.util.concurrent.TimeUnit.SECONDS));
            java.util.concurrent.CompletableFuture<Service.Presence> change = s.nextChange().toCompletableFuture();
            Fixture.write(folder, "vs.yaml", Fixture.rule("go-sc-a", Fixture.to("go-sc-a", "v1")));
            while (s.endpoints().size() != 1) {
                assertEquals(Service.Presence.KNOWN, change.get(20, java.util.concurrent.TimeUnit.SECONDS));
                change = s.nextChange().toCompletableFuture();
            }
        }
    }

    @Test
    void matchesHeaders() throws Exception {
        Fixture.write(folder, "vs.yaml", Fixture.rule("go-sc-a",
            "  - match: [{headers: {x-lane: {exact: gray}}}]\n    route: [{destination: {host: go-sc-a, subset: v2}}]\n" + Fixture.to("go-sc-a", "v1")));
        try (ControlPlane cp = ControlPlane.serve(folder); Mesh mesh = Fixture.mesh(cp.xds)) {
            Service s = mesh.service("go-sc-a", 80);
            assertEquals(Service.Presence.KNOWN, s.await());
            assertEquals("127.0.0.1:20001", Fixture.pick(s, Fixture.get("/")));
            assertEquals("127.0.0.1:20002", Fixture.pick(s, Fixture.get("/", "x-lane", "gray")));
        }
    }

    /** A name without a port is the HTTP port of the Service. */
    @Test
    void findsThePortOfAName() throws Exception {
        try (ControlPlane cp = ControlPlane.serve(folder); Mesh mesh = Fixture.mesh(cp.xds, "mizzen.names", "the-app:go-sc-a.shop, The_App:go-sc-a, off-app:go-sc-a", "mizzen.mode.off-app", "off")) {
            Service s = mesh.service("go-sc-a", 0);
            assertEquals(Service.Presence.KNOWN, s.await());
            assertEquals(s, mesh.service("Go-Sc-A", 0));
            assertEquals(Service.Presence.KNOWN, mesh.service("THE-APP", 0).await());
            assertEquals("go-sc-a.shop", mesh.service("the-app", 0).name());
            assertEquals(s, mesh.service("THE_APP", 0));
            assertEquals(2, s.endpoints().size());
        }
    }

    @Test
    void leavesAServiceAlone() throws Exception {
        try (ControlPlane cp = ControlPlane.serve(folder); Mesh mesh = Fixture.mesh(cp.xds, "mizzen.mode", "off", "mizzen.mode.go-sc-a", "merge")) {
            assertEquals(Service.Presence.UNKNOWN, mesh.service("other", 0).presence());
            assertEquals(Service.Mode.MERGE, mesh.service("go-sc-a", 0).mode());
            assertEquals(Service.Presence.KNOWN, mesh.service("go-sc-a", 0).await());
        }
    }

    /** Killed and back: calls go on, and changes are followed again. */
    @Test
    void keepsRoutesWhileTheControlPlaneIsAway() throws Exception {
        ControlPlane cp = ControlPlane.serveAt("127.0.0.1:" + fixedPort(), folder);
        try (Mesh mesh = Fixture.mesh(cp.xds, "mizzen.reconnect.max", "200ms")) {
            Service s = mesh.service("go-sc-a", 80);
            assertEquals(Service.Presence.KNOWN, s.await());
            cp.kill();
            Fixture.until("the mesh knows that the control plane is away", () -> mesh.state().contains("\"away\":true"));
            assertEquals("127.0.0.1:2000", Fixture.pick(s, Fixture.get("/")).substring(0, 14));
            Service late = mesh.service("go-sc-b", 80);
            assertEquals(Service.Presence.UNKNOWN, late.presence(), "no call waits for a control plane that is known to be away");
            Fixture.write(folder, "b.yaml", Fixture.service("go-sc-b"));
            Fixture.write(folder, "vs.yaml", Fixture.rule("go-sc-a", Fixture.to("go-sc-a", "v2")));
            cp = ControlPlane.serveAt(cp.xds, folder);
            Fixture.until("the late service is known", () -> late.presence() == Service.Presence.KNOWN);
            Fixture.until("the new route is in effect", () -> Fixture.pick(s, Fixture.get("/")).equals("127.0.0.1:20002") && Fixture.pick(s, Fixture.get("/")).equals("127.0.0.1:20002"));
        } finally {
            cp.close();
        }
    }

    /** Returns a free port that no client gets by chance while the control plane is away. */
    private static int fixedPort() throws Exception {
        for (int port = 21_000 + new java.util.Random().nextInt(5000); ; port++) {
            try (java.net.ServerSocket s = new java.net.ServerSocket(port, 1, java.net.InetAddress.getLoopbackAddress())) {
                return port;
            } catch (java.net.BindException e) {
                continue;
            }
        }
    }

    @Test
    void waitsOnceForAControlPlaneThatDoesNotAnswer() throws Exception {
        try (java.net.ServerSocket silent = new java.net.ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress());
            Mesh mesh = Fixture.mesh("127.0.0.1:" + silent.getLocalPort(), "mizzen.wait", "100ms")) {
            Service s = mesh.service("go-sc-a", 0);
            long start = System.nanoTime();
            assertEquals(Service.Presence.UNKNOWN, s.settled().toCompletableFuture().get());
            long waited = (System.nanoTime() - start) / 1_000_000;
            assertEquals(Service.Presence.UNKNOWN, s.await());
            assertTrue(waited >= 90 && waited < 2000, waited + " ms");
        }
    }

    /** A restart while the control plane is away begins with what the last one knew. */
    @Test
    void restartsFromTheLastGoodFile() throws Exception {
        Fixture.write(folder, "vs.yaml", Fixture.rule("go-sc-a", Fixture.to("go-sc-a", "v2")));
        String state = temp.resolve("state").toString();
        String address;
        try (ControlPlane cp = ControlPlane.serve(folder); Mesh mesh = Fixture.mesh(cp.xds, "mizzen.state", state)) {
            address = cp.xds;
            assertEquals(Service.Presence.KNOWN, mesh.service("go-sc-a", 80).await());
            mesh.service("go-sc-a", 0).await();
        }
        for (int restart = 0; restart < 2; restart++) { // the first one asks for one service; the file must keep the other one, too
            try (Mesh mesh = Fixture.mesh(address, "mizzen.state", state)) {
                Service s = mesh.service("go-sc-a", restart == 0 ? 80 : 0);
                assertEquals(Service.Presence.KNOWN, s.presence());
                assertEquals("127.0.0.1:20002", Fixture.pick(s, Fixture.get("/")));
            }
        }
        try (Mesh mesh = Fixture.mesh(address, "mizzen.state", state, "mizzen.state.max-age", "0ms")) {
            assertEquals(Service.Presence.UNKNOWN, mesh.service("go-sc-a", 80).await(), "the file is too old");
        }
        java.nio.file.Path file = java.nio.file.Files.list(java.nio.file.Paths.get(state)).findFirst().get();
        byte[] text = java.nio.file.Files.readAllBytes(file);
        text[text.length / 2] ^= 1;
        java.nio.file.Files.write(file, text);
        try (Mesh mesh = Fixture.mesh(address, "mizzen.state", state)) {
            assertEquals(Service.Presence.UNKNOWN, mesh.service("go-sc-a", 80).await(), "the file is damaged");
        }
    }

    /** A state folder that cannot be written costs a line, and nothing else. */
    @Test
    void runsWithoutAPlaceForTheLastGoodFile() throws Exception {
        java.nio.file.Path notAFolder = java.nio.file.Files.createFile(temp.resolve("file"));
        try (ControlPlane cp = ControlPlane.serve(folder); Mesh mesh = Fixture.mesh(cp.xds, "mizzen.state", notAFolder.toString())) {
            assertEquals(Service.Presence.KNOWN, mesh.service("go-sc-a", 80).await());
        }
    }

    @Test
    void fallsBackToAnotherServer() throws Exception {
        int dead = fixedPort();
        try (ControlPlane cp = ControlPlane.serve(folder)) {
            String two = Fixture.bootstrap(cp.xds).replace("[{\"server_uri\"", "[{\"server_uri\":\"127.0.0.1:" + dead + "\",\"channel_creds\":[{\"type\":\"insecure\"}]},{\"server_uri\"");
            try (Mesh mesh = Core.start(Fixture.config(two, "mizzen.wait", "20s"))) {
                assertEquals(Service.Presence.KNOWN, mesh.service("go-sc-a", 80).await());
                assertTrue(mesh.state().contains("\"server\":\"" + cp.xds + "\""), mesh.state());
            }
        }
    }

    @Test
    void connectsOverTlsWithAToken() throws Exception {
        java.nio.file.Path certs = java.nio.file.Files.createDirectory(temp.resolve("certs"));
        run(certs, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=ca");
        issue(certs, "tls", "IP:127.0.0.1");
        run(certs, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "other.key", "-out", "other.crt", "-days", "2", "-subj", "/CN=other");
        java.nio.file.Path token = certs.resolve("token");
        java.nio.file.Files.write(token, "header.payload.signature\n".getBytes());
        String call = ",\"call_creds\":[{\"type\":\"jwt_token_file\",\"config\":{\"jwt_token_file\":\"" + token + "\"}}]";
        try (ControlPlane cp = ControlPlane.serve(folder, "--xds-tls-address=127.0.0.1:0", "--tls-certificates=" + certs)) {
            assertEquals("KNOWN", overTls(cp, certs.resolve("ca.crt").toString(), ""));
            // This control plane has no cluster that could issue a token, and says so.
            String refused = overTls(cp, certs.resolve("ca.crt").toString(), call);
            assertTrue(refused.contains("UNAUTHENTICATED: the client sent a token"), refused);
            String other = overTls(cp, certs.resolve("other.crt").toString(), "");
            assertTrue(other.contains("PKIX path"), other);
            java.nio.file.Files.write(token, new byte[0]);
            String empty = overTls(cp, certs.resolve("ca.crt").toString(), call);
            assertTrue(empty.contains("is empty"), empty);
        }
    }

    /** A control plane that wants a proof takes a certificate for the namespace that the node says. */
    @Test
    void provesItsIdentityByACertificate() throws Exception {
        java.nio.file.Path certs = java.nio.file.Files.createDirectory(temp.resolve("certs"));
        run(certs, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=ca");
        issue(certs, "tls", "IP:127.0.0.1");
        issue(certs, "shop", "URI:spiffe://cluster.local/ns/shop/sa/test");
        issue(certs, "other", "URI:spiffe://cluster.local/ns/other/sa/test");
        try (ControlPlane cp = ControlPlane.serve(folder, "--xds-tls-address=127.0.0.1:0", "--tls-certificates=" + certs, "--identity=proof")) {
            String config = certs.resolve("ca.crt") + "\",\"certificate_file\":\"" + certs.resolve("%1$s.crt") + "\",\"private_key_file\":\"" + certs.resolve("%1$s.key");
            assertEquals("KNOWN", overTls(cp, String.format(config, "shop"), ""));
            String other = overTls(cp, String.format(config, "other"), "");
            assertTrue(other.contains("PERMISSION_DENIED: the node has NAMESPACE"), other);
            String none = overTls(cp, certs.resolve("ca.crt").toString(), "");
            assertTrue(none.contains("UNAUTHENTICATED"), none);
        }
    }

    /** Makes NAME.crt and NAME.key by the authority of a folder. */
    private static void issue(java.nio.file.Path certs, String name, String san) throws Exception {
        run(certs, "openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name);
        java.nio.file.Files.write(certs.resolve("ext"), ("subjectAltName=" + san + "\n").getBytes());
        run(certs, "openssl", "x509", "-req", "-in", name + ".csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", name + ".crt", "-days", "1", "-extfile", "ext");
    }

    /** Returns KNOWN, or the state of a mesh that does not know the service. */
    private static String overTls(ControlPlane cp, String ca, String call) {
        String bootstrap = Fixture.bootstrap(cp.tls, "{\"type\":\"tls\",\"config\":{\"ca_certificate_file\":\"" + ca + "\"}}", call);
        try (Mesh mesh = Core.start(Fixture.config(bootstrap, "mizzen.wait", "20s"))) {
            return mesh.service("go-sc-a", 80).await() == Service.Presence.KNOWN ? "KNOWN" : mesh.state();
        }
    }

    private static void run(Path folder, String... command) throws Exception {
        Process p = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).redirectOutput(new java.io.File("target/openssl.log")).start();
        assertEquals(0, p.waitFor(), String.join(" ", command));
    }
}
