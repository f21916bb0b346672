package dev.mizzen.agent.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Service;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Servers that fail: nothing that was followed is lost, and the log has one line for each problem. */
class BadServerTest {
    private static final String LDS = ScriptedServer.LDS, CDS = ScriptedServer.CDS, EDS = ScriptedServer.EDS;

    private final PrintStream err = System.err;
    private final ByteArrayOutputStream log = new ByteArrayOutputStream();
    private ScriptedServer server;
    private Mesh mesh;

    @BeforeEach
    void start() throws Exception {
        System.setErr(new PrintStream(log, true));
        server = new ScriptedServer();
    }

    @AfterEach
    void stop() throws Exception {
        mesh.close();
        server.close();
        System.setErr(err);
    }

    private Service follow(String... properties) {
        mesh = Fixture.mesh(server.address(), properties);
        return mesh.service("a", 0);
    }

    private List<String> lines(String part) {
        List<String> lines = new ArrayList<>();
        for (String line : log.toString().split("\n")) {
            if (line.contains(part)) {
                lines.add(line);
            }
        }
        return lines;
    }

    private static byte[] endpoints(int version) {
        return ProtocolTest.response(EDS, String.valueOf(version), ProtocolTest.endpoints("c", version)).toByteArray();
    }

    /** Each stream brings a good response and then a bad one: that is no contact. It is said once, and not tried again ten times a second. */
    @Test
    void reportsAServerThatBreaksEachStream() throws Exception {
        Service a = follow("mizzen.wait", "20s", "mizzen.reconnect.max", "1s");
        ScriptedServer.Stream s = ProtocolTest.play(server);
        Fixture.until("the service is known", () -> a.presence() == Service.Presence.KNOWN);
        long start = System.nanoTime();
        for (int i = 2; i < 7; i++) {
            s.message(endpoints(i)).message(new byte[] {0x0a, 0x7f, 1});
            s = server.next().settings();
        }
        assertEquals(2, lines("control plane").size(), log.toString());
        assertTrue(lines("control plane").get(0).endsWith(": connected"), log.toString());
        assertTrue(lines("control plane").get(1).contains("malformed protobuf"), log.toString());
        assertTrue(System.nanoTime() - start > 700_000_000L, "five streams within " + (System.nanoTime() - start));
        ScriptedServer.Stream last = s.message(endpoints(9));
        Fixture.until("the good response is followed", () -> ProtocolTest.pick(a).equals("10.0.0.1:9"));
        Fixture.until("the stream counts", () -> lines("control plane").size() == 3);
        assertTrue(lines("control plane").get(2).endsWith(": connected"), log.toString());
        last.close();
    }

    /** A status with a new text each time is the same problem, and a server finds only so many problems. */
    @Test
    void reportsEachProblemOnce() throws Exception {
        follow("mizzen.wait", "20s", "mizzen.reconnect.max", "1ms");
        for (int i = 0; i < 6; i++) {
            server.next().settings().trailers("16", "request%20" + i);
        }
        assertEquals(1, lines("UNAUTHENTICATED").size(), log.toString());
        for (char c = 'a'; c < 'k'; c++) {
            server.next().settings().trailers("13", "id%20" + c);
        }
        server.next();
        assertEquals(4, lines("; trying again").size(), log.toString());
    }

    /** What cannot be read may be any of the resources: none of them is gone for that. */
    @Test
    void keepsWhatAnUnreadableResponseDoesNotName() throws Exception {
        Service a = follow("mizzen.wait", "20s");
        ScriptedServer.Stream s = ProtocolTest.play(server);
        assertEquals(Service.Presence.KNOWN, a.await());
        for (String type : new String[] {LDS, CDS}) {
            for (Any bad : new Any[] {Any.newBuilder().setTypeUrl("type.googleapis.com/other").build(),
                Any.newBuilder().setTypeUrl(type).setValue(ByteString.copyFrom(new byte[] {0x0a, 0x7f})).build()}) {
                s.respond(DiscoveryResponse.newBuilder().setTypeUrl(type).setVersionInfo("2").setNonce("x").addResources(bad).build());
                DiscoveryRequest nack = s.request(type);
                assertEquals("1", nack.getVersionInfo());
                assertTrue(nack.hasErrorDetail());
                assertEquals(Service.Presence.KNOWN, a.presence());
                assertEquals("10.0.0.1:1", ProtocolTest.pick(a));
            }
        }
        s.respond(ProtocolTest.response(LDS, "3"));
        Fixture.until("the service is gone", () -> a.presence() == Service.Presence.UNKNOWN);
    }

    /** Rejections of two types that alternate are two lines. */
    @Test
    void reportsEachRejectionOnce() throws Exception {
        Service a = follow("mizzen.wait", "20s");
        ScriptedServer.Stream s = ProtocolTest.play(server);
        for (int i = 0; i < 3; i++) {
            for (String type : new String[] {LDS, CDS}) {
                DiscoveryResponse.Builder bad = DiscoveryResponse.newBuilder().setTypeUrl(type).setVersionInfo("2").setNonce("x");
                for (int n = 0; n <= i; n++) { // the same is wrong with more and more resources
                    bad.addResources(Any.newBuilder().setTypeUrl("other/" + type));
                }
                s.respond(bad.build());
                s.request(type);
            }
            s.respond(DiscoveryResponse.newBuilder().setTypeUrl("other").setVersionInfo("1").setNonce("x").build());
        }
        s.respond(ProtocolTest.response(EDS, "9", ProtocolTest.endpoints("c", 9)));
        Fixture.until("the good response is followed", () -> ProtocolTest.pick(a).equals("10.0.0.1:9"));
        assertEquals(2, lines("rejected what the control plane sends").size(), log.toString());
        assertEquals(1, lines("ignored what the control plane sends: a response of the type \"other\"").size(), log.toString());
    }

    /** A connection that is reset is closed, whichever thread finds out. */
    @Test
    void reportsConnectionsThatAreResetOnce() throws Exception {
        follow("mizzen.wait", "20s", "mizzen.reconnect.max", "1ms");
        for (int i = 0; i < 30; i++) {
            ScriptedServer.Stream s = server.next();
            s.request(LDS);
            s.reset();
        }
        server.next();
        assertEquals(1, lines("control plane").size(), log.toString());
        assertEquals(1, lines("the server closed the connection").size(), log.toString());
    }

    /** Empty frames of a header block that never ends. */
    @Test
    void endsAHeaderBlockOfManyFrames() throws Exception {
        follow("mizzen.wait", "20s");
        ScriptedServer.Stream s = server.next().settings().send(1, 0, 1, new byte[0]);
        for (int i = 0; i < 64; i++) {
            s.send(9, 0, 1, new byte[0]);
        }
        s.frame("closed");
        Fixture.until("the problem is reported", () -> lines("the server sends headers in more than 64 frames").size() == 1);
    }

    @Test
    void reportsAServerThatDoesNotAnswer() throws Exception {
        Service a = follow("mizzen.wait", "100ms", "mizzen.reconnect.max", "1s");
        ScriptedServer.Stream s = server.next().settings();
        s.request(LDS);
        assertEquals(Service.Presence.UNKNOWN, a.await());
        assertEquals(Service.Presence.UNKNOWN, mesh.service("b", 0).settled().toCompletableFuture().get(20, TimeUnit.SECONDS));
        assertEquals(1, lines("it accepts the connection and does not answer; nothing is known yet").size(), log.toString());
        s.respond(ProtocolTest.response(LDS, "1", ProtocolTest.listener("a", "r")));
        Fixture.until("it answers", () -> lines(": connected").size() == 1);
    }

    /** A caller that is interrupted while it waits decides for itself only. */
    @Test
    void aCallThatIsInterruptedDecidesForItself() throws Exception {
        Service a = follow("mizzen.wait", "20s");
        CompletableFuture<Service.Presence> interrupted = CompletableFuture.supplyAsync(() -> {
            Thread.currentThread().interrupt();
            Service.Presence p = a.await();
            assertTrue(Thread.interrupted());
            return p;
        });
        assertEquals(Service.Presence.UNKNOWN, interrupted.get(20, TimeUnit.SECONDS));
        assertEquals(Service.Presence.PENDING, a.presence());
        ProtocolTest.play(server);
        assertEquals(Service.Presence.KNOWN, a.await());
    }
}
