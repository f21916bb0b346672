package dev.mizzen.agent.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Service;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the operator is told about the control plane and about names. */
class LinesTest {
    private static final String LDS = ScriptedServer.LDS, RDS = ScriptedServer.RDS, CDS = ScriptedServer.CDS, EDS = ScriptedServer.EDS;

    private final PrintStream before = System.err;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private ScriptedServer server;

    @BeforeEach
    void start() throws Exception {
        server = new ScriptedServer();
        System.setErr(new PrintStream(out, true));
    }

    @AfterEach
    void stop() throws Exception {
        System.setErr(before);
        server.close();
    }

    private void said(String line) throws Exception {
        try {
            Fixture.until(line, () -> out.toString().contains("mizzen: " + line));
        } catch (AssertionError e) {
            throw new AssertionError(e.getMessage() + "; it said: " + out, e);
        }
    }

    @Test
    void theFirstAnswerIsALine() throws Exception {
        try (Mesh mesh = Fixture.mesh(server.address())) {
            mesh.service("a", 0);
            ProtocolTest.play(server);
            said("control plane " + server.address() + ": connected");
        }
    }

    @Test
    void aServerThatDoesNotAnswerIsALine() throws Exception {
        try (Mesh mesh = Fixture.mesh(server.address(), "mizzen.wait", "100ms")) {
            mesh.service("a", 0);
            ScriptedServer.Stream s = server.next().settings();
            s.request(LDS);
            said("control plane " + server.address() + ": it accepts the connection and does not answer; nothing is known yet; trying again. Check the bootstrap");
            s.respond(ProtocolTest.response(LDS, "1"));
            said("control plane " + server.address() + ": connected");
        }
    }

    @Test
    void anAddressThatCannotBeReachedIsOneLine() throws Exception {
        try (Mesh mesh = Fixture.mesh("nowhere.invalid:1", "mizzen.reconnect.max", "100ms")) {
            mesh.service("a", 0);
            said("control plane nowhere.invalid:1: the name nowhere.invalid does not resolve; nothing is known yet; trying again. Check the bootstrap");
        }
        assertEquals(1, out.toString().split("\n").length, out::toString);
    }

    /** In the mode off nothing is connected, and every service is left to the registry at once. */
    @Test
    void theModeOffDoesNotConnect() throws Exception {
        try (Mesh mesh = Fixture.mesh(server.address(), "mizzen.mode", "OFF")) {
            assertEquals(Service.Presence.UNKNOWN, mesh.service("a", 0).await());
            assertTrue(mesh.state().contains("\"streams\":0"), mesh.state());
            assertTrue(Thread.getAllStackTraces().keySet().stream().noneMatch(t -> t.getName().equals("mizzen-ads")), "a thread of the client runs");
        }
        try (Mesh mesh = Fixture.mesh(server.address(), "mizzen.mode", "off", "mizzen.mode.a", "mesh-first")) {
            mesh.service("a", 0);
            ProtocolTest.play(server);
        }
    }

    @Test
    void theVersionIsTheJars() throws Exception {
        try (Mesh mesh = Core.start(Fixture.config(Fixture.bootstrap(server.address())), "1.2.3")) {
            mesh.service("a", 0);
            DiscoveryRequest first = server.next().settings().request(LDS);
            assertEquals("1.2.3", first.getNode().getUserAgentVersion());
            assertTrue(mesh.state().contains("\"version\":\"1.2.3\""), mesh.state());
        }
    }

    @Test
    void namesThatNobodyKnowsAreLines() throws Exception {
        try (Mesh mesh = Fixture.mesh(server.address(), "mizzen.wait", "20s")) {
            Service a = mesh.service("greter", 0), port = mesh.service("orders", 8080);
            ScriptedServer.Stream s = server.next().settings();
            s.request(LDS);
            s.respond(ProtocolTest.response(LDS, "1"));
            for (Service service : new Service[] {a, port}) {
                assertEquals(Service.Presence.UNKNOWN, service.await());
                assertTrue(service.isNewlyLeft());
                assertFalse(service.isNewlyLeft(), "it is told once");
            }
            a.leftToRegistry(true);
            assertFalse(out.toString().contains("greter"), "the registry knows it: " + out);
            a.leftToRegistry(false);
            said("the mesh does not know \"greter\" for namespace shop, and the registry has no instance: calls fail. 'controlplane inspect unknown' names what is near");
            port.leftToRegistry(true);
            said("the mesh does not know \"orders:8080\"; instances of the registry are called, and no rule of orders applies. Leave the port out, or give it to the Service");
        }
    }

    /** A name is told anew if the reason is another one. */
    @Test
    void aNameWithoutAnAnswerIsALine() throws Exception {
        try (Mesh mesh = Fixture.mesh(server.address(), "mizzen.wait", "100ms")) {
            Service a = mesh.service("a", 0);
            assertEquals(Service.Presence.UNKNOWN, a.await());
            assertTrue(a.isNewlyLeft());
            a.leftToRegistry(false);
            said("the control plane has not answered for \"a\"; until it does, the registry decides, which has no instance: calls fail");
            ScriptedServer.Stream s = server.next().settings();
            s.request(LDS);
            s.respond(ProtocolTest.response(LDS, "1"));
            Fixture.until("it is newly left", a::isNewlyLeft);
            a.leftToRegistry(false);
            said("the mesh does not know \"a\" for namespace shop");
        }
    }

    @Test
    void servicesHaveOneNameEach() throws Exception {
        String whole = "a.shop.svc.cluster.local";
        try (Mesh mesh = Fixture.mesh(server.address(), "mizzen.wait", "20s")) {
            Service[] all = {mesh.service("a", 80), mesh.service(whole, 0), mesh.service("b.other", 0)};
            ScriptedServer.Stream s = server.next().settings();
            while (s.later(LDS).getResourceNamesCount() < 3) {
                continue;
            }
            s.respond(ProtocolTest.response(LDS, "1", ProtocolTest.listener("a:80", "r"), ProtocolTest.listener(whole, "r"), ProtocolTest.listener("b.other", "r")));
            s.later(RDS);
            s.respond(ProtocolTest.response(RDS, "1", ProtocolTest.routes("r", "c")));
            s.later(CDS);
            s.respond(ProtocolTest.response(CDS, "1", ProtocolTest.cluster("c")));
            s.later(EDS);
            s.respond(ProtocolTest.response(EDS, "1", ProtocolTest.endpoints("c", 1)));
            for (Service service : all) {
                assertEquals(Service.Presence.KNOWN, service.await());
            }
            assertEquals("[a, b.other]", mesh.services().toString());
        }
    }

    @Test
    void theLastGoodFileIsALine(@TempDir Path dir) throws Exception {
        try (Mesh mesh = Fixture.mesh(server.address(), "mizzen.state", dir.toString())) {
            mesh.service("a", 0);
            ProtocolTest.play(server);
            assertEquals(Service.Presence.KNOWN, mesh.service("a", 0).await());
        }
        out.reset();
        String unused = "127.0.0.1:1"; // no process gets this port by chance
        try (Mesh mesh = Fixture.mesh(unused, "mizzen.state", dir.toString())) {
            assertEquals(Service.Presence.KNOWN, mesh.service("a", 0).await());
            said("the last-good file " + dir);
            assertTrue(out.toString().contains(" is used until the control plane answers: 4 resources, "), out::toString);
            said("control plane " + unused + ": Connection refused");
            assertTrue(out.toString().contains("; what is known stays in effect; trying again"), out::toString);
        }
    }
}
