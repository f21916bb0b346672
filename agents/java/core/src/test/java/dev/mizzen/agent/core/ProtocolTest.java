package dev.mizzen.agent.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import com.google.protobuf.TextFormat;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Service;
import dev.mizzen.agent.core.wire.Buffer;
import io.envoyproxy.envoy.config.cluster.v3.Cluster;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.config.listener.v3.Listener;
import io.envoyproxy.envoy.config.route.v3.RouteConfiguration;
import io.envoyproxy.envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The protocol, against a server that the test scripts. */
class ProtocolTest {
    private static final String LDS = ScriptedServer.LDS, RDS = ScriptedServer.RDS, CDS = ScriptedServer.CDS, EDS = ScriptedServer.EDS;

    private ScriptedServer server;
    private Mesh mesh;

    @BeforeEach
    void start() throws Exception {
        server = new ScriptedServer();
        mesh = Fixture.mesh(server.address(), "mizzen.wait", "20s", "mizzen.reconnect.max", "100ms");
    }

    @AfterEach
    void stop() throws Exception {
        mesh.close();
        server.close();
    }

    static DiscoveryResponse response(String type, String version, Message... resources) {
        DiscoveryResponse.Builder b = DiscoveryResponse.newBuilder().setTypeUrl(type).setVersionInfo(version).setNonce("n" + version);
        for (Message m : resources) {
            b.addResources(Any.newBuilder().setTypeUrl(type).setValue(m.toByteString()));
        }
        return b.build();
    }

    private static <B extends Message.Builder> B parse(String text, B b) {
        try {
            TextFormat.merge(text, b);
            return b;
        } catch (TextFormat.ParseException e) {
            throw new AssertionError(e);
        }
    }

    static Listener listener(String name, String routes, String... filters) {
        HttpConnectionManager.Builder manager = HttpConnectionManager.newBuilder().setRds(io.envoyproxy.envoy.extensions.filters.network.http_connection_manager.v3.Rds.newBuilder().setRouteConfigName(routes));
        for (String filter : filters) {
            parse(filter, manager.addHttpFiltersBuilder());
        }
        Any api = Any.pack(manager.build());
        return Listener.newBuilder().setName(name).setApiListener(io.envoyproxy.envoy.config.listener.v3.ApiListener.newBuilder().setApiListener(api)).build();
    }

    static RouteConfiguration routes(String name, String cluster) {
        return parse("name: \"" + name + "\" virtual_hosts { domains: \"*\" routes { match { prefix: \"/\" } route { cluster: \"" + cluster + "\" } } }", RouteConfiguration.newBuilder()).build();
    }

    static Cluster cluster(String name) {
        return parse("name: \"" + name + "\" type: EDS eds_cluster_config { eds_config { ads {} } }", Cluster.newBuilder()).build();
    }

    /** A cluster whose endpoints have another name. */
    private static Cluster cluster(String name, String endpoints) {
        Cluster.Builder b = cluster(name).toBuilder();
        b.getEdsClusterConfigBuilder().setServiceName(endpoints);
        return b.build();
    }

    static ClusterLoadAssignment endpoints(String name, int port) {
        return parse("cluster_name: \"" + name + "\" endpoints { lb_endpoints { endpoint { address { socket_address { address: \"10.0.0.1\" port_value: " + port + " } } } } }",
            ClusterLoadAssignment.newBuilder()).build();
    }

    static String pick(Service s) {
        return Fixture.pick(s, Fixture.get("/"));
    }

    private static void until(Service s, String address) throws Exception {
        Fixture.until("calls go to " + address, () -> pick(s).equals(address));
    }

    private Service followed() throws Exception {
        return mesh.service("a", 0);
    }

    private ScriptedServer.Stream play() throws Exception {
        return play(server);
    }

    /** Plays the four subscriptions of service a by hand: returns the stream after the last ACK. */
    static ScriptedServer.Stream play(ScriptedServer server) throws Exception {
        ScriptedServer.Stream s = server.next().settings();
        DiscoveryRequest first = s.request(LDS);
        assertEquals("[a]", first.getResourceNamesList().toString());
        assertEquals("mizzen-java-agent", first.getNode().getUserAgentName());
        assertEquals("http/1.1", first.getNode().getMetadata().getFieldsOrThrow("PROTOCOLS").getListValue().getValues(0).getStringValue());
        assertFalse(first.getNode().getMetadata().containsFields("CERTIFICATE_PROVIDERS"), "it declares certificates that it does not use");
        assertEquals("test", first.getNode().getMetadata().getFieldsOrThrow("LABELS").getStructValue().getFieldsOrThrow("app").getStringValue());
        assertEquals("test.shop", first.getNode().getCluster());
        s.respond(response(LDS, "1", listener("a", "r")));
        DiscoveryRequest ack = s.request(LDS);
        assertEquals("1 n1", ack.getVersionInfo() + " " + ack.getResponseNonce());
        assertFalse(ack.hasNode(), "the node is sent once");
        s.request(RDS);
        s.respond(response(RDS, "1", routes("r", "c")));
        s.request(RDS);
        s.request(CDS);
        s.respond(response(CDS, "1", cluster("c")));
        s.request(CDS);
        s.request(EDS);
        s.respond(response(EDS, "1", endpoints("c", 1)));
        s.request(EDS);
        return s;
    }

    @Test
    void followsListenerRoutesClusterEndpoints() throws Exception {
        Service a = followed();
        assertEquals(Service.Presence.PENDING, a.presence());
        play();
        assertEquals(Service.Presence.KNOWN, a.await());
        assertEquals("10.0.0.1:1", pick(a));
        assertTrue(mesh.state().contains("\"a\":{\"presence\":\"KNOWN\""), mesh.state());
        assertTrue(Json.parse(mesh.state()) instanceof java.util.Map);
    }

    /** New routes wait for their clusters: no call fails meanwhile. */
    @Test
    void makesBeforeItBreaks() throws Exception {
        Service a = followed();
        ScriptedServer.Stream s = play();
        until(a, "10.0.0.1:1");
        s.respond(response(RDS, "2", routes("r", "d")));
        s.request(RDS);
        assertEquals("[c, d]", s.request(CDS).getResourceNamesList().toString());
        assertEquals("10.0.0.1:1", pick(a));
        s.respond(response(CDS, "2", cluster("c"), cluster("d")));
        s.request(CDS);
        s.request(EDS);
        assertEquals("10.0.0.1:1", pick(a));
        s.respond(response(EDS, "2", endpoints("d", 2)));
        until(a, "10.0.0.1:2");
        s.request(CDS);
        assertEquals("[d]", s.request(EDS).getResourceNamesList().toString());
    }

    /** A cluster that names other endpoints keeps those that it has until the others are there: no call fails meanwhile. */
    @Test
    void keepsEndpointsUntilOthersAreThere() throws Exception {
        Service a = followed();
        ScriptedServer.Stream s = play();
        until(a, "10.0.0.1:1");
        s.respond(response(CDS, "2", cluster("c", "d")));
        s.request(CDS);
        assertEquals("[d]", s.request(EDS).getResourceNamesList().toString());
        assertEquals("10.0.0.1:1", pick(a));
        s.respond(response(EDS, "2", endpoints("d", 2)));
        until(a, "10.0.0.1:2");
    }

    /** What does not say where its parts are is refused, and what was there before stays in effect. */
    @Test
    void refusesPartsFromElsewhere() throws Exception {
        Service a = followed();
        ScriptedServer.Stream s = play();
        until(a, "10.0.0.1:1");
        s.respond(response(CDS, "2", parse("name: \"c\" type: EDS eds_cluster_config { service_name: \"c\" }", Cluster.newBuilder()).build()));
        DiscoveryRequest nack = s.request(CDS);
        assertEquals("1 n2", nack.getVersionInfo() + " " + nack.getResponseNonce());
        assertEquals("c: cluster \"c\" does not have its endpoints from the control plane's stream", nack.getErrorDetail().getMessage());
        assertEquals("10.0.0.1:1", pick(a));
    }

    /** An HTTP filter may refuse calls. One that is not known must be known, unless it is optional. */
    @Test
    void refusesFiltersThatItDoesNotKnow() throws Exception {
        Service a = followed();
        ScriptedServer.Stream s = play();
        until(a, "10.0.0.1:1");
        s.respond(response(LDS, "2", listener("a", "r", "name: \"guard\" typed_config { type_url: \"type.googleapis.com/shop.Guard\" }")));
        DiscoveryRequest nack = s.request(LDS);
        assertEquals("1 n2", nack.getVersionInfo() + " " + nack.getResponseNonce());
        assertEquals("a: listener \"a\" has the HTTP filter \"guard\", which this client does not support", nack.getErrorDetail().getMessage());
        assertEquals("10.0.0.1:1", pick(a));
        s.respond(response(LDS, "3", listener("a", "r", "name: \"guard\" is_optional: true typed_config { type_url: \"type.googleapis.com/shop.Guard\" }")));
        assertEquals("3", s.request(LDS).getVersionInfo());
        for (String known : new String[] {"fault.v3.HTTPFault", "router.v3.Router"}) {
            s.respond(response(LDS, "4", listener("a", "r", "name: \"known\" typed_config { type_url: \"type.googleapis.com/envoy.extensions.filters.http." + known + "\" }")));
            assertEquals("4", s.request(LDS).getVersionInfo());
        }
    }

    @Test
    void rejectsAndKeepsTheLastGood() throws Exception {
        Service a = followed();
        ScriptedServer.Stream s = play();
        until(a, "10.0.0.1:1");
        RouteConfiguration bad = parse("name: \"r\" virtual_hosts { domains: \"*\" routes { match { prefix: \"/\" } route { cluster_header: \"x\" } } }", RouteConfiguration.newBuilder()).build();
        s.respond(response(RDS, "2", bad));
        DiscoveryRequest nack = s.request(RDS);
        assertEquals("1 n2", nack.getVersionInfo() + " " + nack.getResponseNonce());
        assertTrue(nack.getErrorDetail().getMessage().contains("r: the action of a route has the unsupported field 2"), nack.getErrorDetail().getMessage());
        assertEquals("10.0.0.1:1", pick(a));
        s.respond(response(RDS, "3", routes("r", "c")));
        DiscoveryRequest ack = s.request(RDS);
        assertEquals("3", ack.getVersionInfo());
        assertFalse(ack.hasErrorDetail());
    }

    /** Routes that were never good are known to fail: a call must not go to the registry because they are wrong. */
    @Test
    void knowsAServiceWhoseRoutesAreBad() throws Exception {
        Service a = followed();
        ScriptedServer.Stream s = server.next().settings();
        s.request(LDS);
        s.respond(response(LDS, "1", listener("a", "r")));
        s.request(LDS);
        s.request(RDS);
        s.respond(response(RDS, "1", parse("name: \"r\" virtual_hosts { domains: \"*\" routes { match { prefix: \"/\" } } }", RouteConfiguration.newBuilder()).build()));
        assertEquals(Service.Presence.KNOWN, a.await());
        assertTrue(pick(a).startsWith("the control plane's routes were rejected"), pick(a));
    }

    @Test
    void listenersThatAreMissingAreUnknown() throws Exception {
        Service a = followed();
        ScriptedServer.Stream s = server.next().settings();
        s.request(LDS);
        s.respond(response(LDS, "1"));
        assertEquals(Service.Presence.UNKNOWN, a.await());
        s.request(LDS);
        s.respond(response(LDS, "2", listener("a", "r"))); // it comes later
        s.request(LDS);
        s.request(RDS);
        s.respond(response(RDS, "1", routes("r", "c")));
        s.request(RDS);
        s.request(CDS);
        s.respond(response(CDS, "1"));
        Fixture.until("the service is known", () -> a.presence() == Service.Presence.KNOWN);
        assertEquals("the cluster c does not exist, or it was rejected", pick(a));
        s.respond(response(LDS, "3"));
        Fixture.until("the service is gone", () -> a.presence() == Service.Presence.UNKNOWN);
    }

    /** What a full set has besides is ignored, and an empty first answer is no answer. */
    @Test
    void toleratesFullSetsAndEmptyAnswers() throws Exception {
        Service a = followed();
        ScriptedServer.Stream s = server.next().settings();
        s.request(LDS);
        s.respond(response(LDS, "1", listener("other", "x"), listener("a", "r"), listener("third", "y")));
        s.request(LDS);
        s.request(RDS);
        s.respond(response(RDS, "1"));
        s.request(RDS);
        s.respond(response(RDS, "2", routes("other", "x"), routes("r", "c")));
        s.request(RDS);
        assertEquals("[c]", s.request(CDS).getResourceNamesList().toString());
        s.respond(response(CDS, "1", cluster("x"), cluster("c")));
        s.request(CDS);
        s.request(EDS);
        s.respond(response(EDS, "1"));
        s.request(EDS);
        assertEquals(Service.Presence.PENDING, a.presence());
        s.respond(response(EDS, "2", endpoints("c", 1), endpoints("x", 2)));
        assertEquals(Service.Presence.KNOWN, a.await());
    }

    @Test
    void keepsVersionsAndRoutesOverReconnects() throws Exception {
        Service a = followed();
        ScriptedServer.Stream s = play();
        until(a, "10.0.0.1:1");
        s.trailers("14", "shutting%20down");
        ScriptedServer.Stream again = server.next().settings();
        DiscoveryRequest first = again.request(LDS);
        assertEquals("1 ", first.getVersionInfo() + " " + first.getResponseNonce());
        assertTrue(first.hasNode());
        for (String type : new String[] {RDS, CDS, EDS}) {
            assertEquals("1", again.request(type).getVersionInfo());
        }
        assertEquals("10.0.0.1:1", pick(a));
        again.respond(response(EDS, "2", endpoints("c", 2)));
        until(a, "10.0.0.1:2");
        again.send(7, 0, 0, new byte[8]); // GOAWAY without an error
        server.next().settings().request(LDS);
        assertEquals("10.0.0.1:2", pick(a));
    }

    /** A server that goes away while it sends: what has come of the message is forgotten, and the version before is asked for anew. */
    @Test
    void reconnectsIfTheServerGoesAwayWithinAMessage() throws Exception {
        Service a = followed();
        ScriptedServer.Stream s = play();
        until(a, "10.0.0.1:1");
        for (int code : new int[] {0, 11}) {
            byte[] half = response(EDS, "2", endpoints("c", 2)).toByteArray();
            s.send(0, 0, 1, new Buffer(64).write(0).int32(half.length).write(half, 0, half.length / 2).toBytes());
            s.send(7, 0, 0, new Buffer(64).int32(1).int32(code).write("too_many_pings".getBytes()).toBytes()); // GOAWAY; the last stream is ours
            s.frame("closed");
            s = server.next().settings();
            for (String type : new String[] {LDS, RDS, CDS, EDS}) {
                assertEquals("1", s.request(type).getVersionInfo());
            }
            assertEquals("10.0.0.1:1", pick(a));
        }
        s.respond(response(EDS, "2", endpoints("c", 2)));
        until(a, "10.0.0.1:2");
        assertEquals("2", s.request(EDS).getVersionInfo());
    }

    /** Another server of the list serves while the first one is down, and the first one again once it is back. */
    @Test
    void returnsToTheFirstServer() throws Exception {
        ScriptedServer first = new ScriptedServer();
        first.close();
        server.next(); // from the mesh that each test has
        mesh.close();
        try (Mesh two = Fixture.mesh(first.address() + "," + server.address(), "mizzen.wait", "20s", "mizzen.reconnect.max", "100ms")) {
            Service a = two.service("a", 0);
            ScriptedServer.Stream fallback = play(server);
            until(a, "10.0.0.1:1");
            try (ScriptedServer back = new ScriptedServer(first.port())) {
                ScriptedServer.Stream s = back.next().settings();
                fallback.frame("closed");
                assertEquals("1", s.request(LDS).getVersionInfo());
                assertEquals("10.0.0.1:1", pick(a));
                s.request(RDS);
                s.request(CDS);
                s.request(EDS);
                s.respond(response(EDS, "2", endpoints("c", 2)));
                until(a, "10.0.0.1:2");
                assertTrue(two.state().contains("\"server\":\"" + back.address() + "\""), two.state());
            }
        }
    }

    @Test
    void answersPings() throws Exception {
        server.next().settings().send(6, 0, 0, new byte[8]).frame("6/1/8");
    }

    /** Each of these ends the stream, and the client comes back. */
    @Test
    void survivesGarbage() throws Exception {
        Service a = followed();
        ScriptedServer.Stream good = play();
        until(a, "10.0.0.1:1");
        byte[] http1 = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".getBytes();
        good.message(new byte[] {1, 2, 3, 4, 5, 6, 7}); // not protobuf
        server.next().raw(http1);
        server.next().settings().send(1, 4, 1, new byte[] {(byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0xff}); // not HPACK
        server.next().settings().send(3, 0, 1, new byte[4]); // RST_STREAM
        server.next().settings().send(5, 0, 1, new byte[4]); // PUSH_PROMISE
        server.next().settings().send(0, 0, 1, new byte[100]); // data before headers
        server.next().settings().send(8, 0, 0, new byte[] {0x7f, (byte) 0xff, (byte) 0xff, (byte) 0xff}); // a window that overflows
        server.next().settings().send(8, 0, 1, new byte[4]); // an empty WINDOW_UPDATE
        ScriptedServer.Stream s = server.next().settings();
        assertEquals("1", s.request(LDS).getVersionInfo());
        assertEquals("10.0.0.1:1", pick(a));
        Random random = new Random(4);
        for (int i = 0; i < 8; i++) {
            byte[] noise = new byte[200];
            random.nextBytes(noise);
            s.raw(noise);
            s.close();
            s = server.next().settings();
        }
        assertEquals("10.0.0.1:1", pick(a));
    }

    /** A resource of a megabyte, which needs credit of both windows. */
    @Test
    void takesLargeResources() throws Exception {
        Service a = followed();
        ScriptedServer.Stream s = play();
        ClusterLoadAssignment.Builder b = ClusterLoadAssignment.newBuilder().setClusterName("c");
        for (int i = 0; i < 40_000; i++) {
            b.addEndpointsBuilder().addLbEndpointsBuilder().getEndpointBuilder().getAddressBuilder().getSocketAddressBuilder()
                .setAddress("fd00:1234:5678::" + Integer.toHexString(i)).setPortValue(9);
        }
        ClusterLoadAssignment large = b.build();
        assertTrue(large.getSerializedSize() > 1_000_000);
        s.respond(response(EDS, "2", large));
        assertEquals("2", s.request(EDS).getVersionInfo());
        assertEquals(40_000, a.endpoints().size());
    }

    /** 10,000 names are subscribed to in requests of many names each. */
    @Test
    void takesManyServices() throws Exception {
        for (int i = 0; i < 10_000; i++) {
            mesh.service("Service_" + i, 0);
        }
        ScriptedServer.Stream s = server.next().settings();
        DiscoveryRequest r;
        // The test's server has windows of 64 kB: it has to give more for all names to come.
        s.send(8, 0, 0, new byte[] {0x10, 0, 0, 0}).send(8, 0, 1, new byte[] {0x10, 0, 0, 0});
        do {
            r = s.request(LDS);
        } while (r.getResourceNamesCount() < 10_000);
        assertTrue(r.getResourceNamesList().contains("service_9999"), "names are in lower case");
        RouteConfiguration routes = routes("r", "c");
        Cluster cluster = cluster("c");
        ClusterLoadAssignment endpoints = endpoints("c", 1);
        Message[][] all = new Message[4][10_000];
        for (int i = 0; i < 10_000; i++) {
            all[0][i] = listener("service_" + i, "r" + i);
            RouteConfiguration.Builder table = routes.toBuilder().setName("r" + i);
            table.getVirtualHostsBuilder(0).getRoutesBuilder(0).getRouteBuilder().setCluster("c" + i);
            all[1][i] = table.build();
            all[2][i] = cluster.toBuilder().setName("c" + i).build();
            all[3][i] = endpoints.toBuilder().setClusterName("c" + i).build();
        }
        String[] types = {LDS, RDS, CDS, EDS};
        for (int k = 0; k < types.length; k++) {
            s.respond(response(types[k], "1", all[k]));
            assertEquals(10_000, s.request(types[k]).getResourceNamesCount());
            if (k < 3) {
                assertEquals(10_000, s.request(types[k + 1]).getResourceNamesCount());
            }
        }
        for (int i = 0; i < 10_000; i++) {
            assertEquals(Service.Presence.KNOWN, mesh.service("SERVICE_" + i, 0).await());
        }
        assertEquals("10.0.0.1:1", pick(mesh.service("service_9999", 0)));
    }

    /** A route table of a megabyte: a call is decided by its last route. */
    @Test
    void takesManyRoutes() throws Exception {
        Service a = followed();
        ScriptedServer.Stream s = play();
        RouteConfiguration.Builder b = RouteConfiguration.newBuilder().setName("r");
        io.envoyproxy.envoy.config.route.v3.VirtualHost.Builder host = b.addVirtualHostsBuilder().addDomains("*");
        for (int i = 0; i < 25_000; i++) {
            host.addRoutesBuilder().setMatch(io.envoyproxy.envoy.config.route.v3.RouteMatch.newBuilder().setPrefix("/a/path/of/a/certain/length/" + i + "/")).getRouteBuilder().setCluster("d");
        }
        host.addRoutesBuilder().setMatch(io.envoyproxy.envoy.config.route.v3.RouteMatch.newBuilder().setPath("/last")).getRouteBuilder().setCluster("c");
        assertTrue(b.build().getSerializedSize() > 1_000_000);
        s.respond(response(RDS, "2", b.build()));
        assertEquals("2", s.request(RDS).getVersionInfo());
        s.request(CDS);
        s.respond(response(CDS, "2", cluster("c"), cluster("d")));
        s.request(CDS);
        s.request(EDS);
        s.respond(response(EDS, "2", endpoints("d", 2)));
        Fixture.until("the new routes are in effect", () -> Fixture.pick(a, Fixture.get("/a/path/of/a/certain/length/24999/x")).equals("10.0.0.1:2"));
        assertEquals("10.0.0.1:1", Fixture.pick(a, Fixture.get("/last")));
        assertEquals("no route matches", pick(a));
    }

    /** A response whose type or resources are not ours changes nothing. */
    @Test
    void ignoresOtherTypes() throws Exception {
        Service a = followed();
        ScriptedServer.Stream s = play();
        s.respond(response(ScriptedServer.TYPE + "config.route.v3.ScopedRouteConfiguration", "1"));
        s.respond(DiscoveryResponse.newBuilder().setTypeUrl(RDS).setVersionInfo("9").setNonce("x").addResources(Any.newBuilder().setTypeUrl("type.googleapis.com/other").setValue(ByteString.EMPTY)).build());
        DiscoveryRequest nack = s.request(RDS);
        assertEquals("1", nack.getVersionInfo());
        assertTrue(nack.getErrorDetail().getMessage().contains("type.googleapis.com/other"));
        assertEquals("10.0.0.1:1", pick(a));
    }

    @Test
    void closeEndsItsThreads() throws Exception {
        followed();
        play();
        mesh.close();
        Fixture.until("no thread mizzen-ads is left", () -> {
            for (Thread t : Thread.getAllStackTraces().keySet()) {
                if (t.getName().equals("mizzen-ads")) {
                    return false;
                }
            }
            return true;
        });
    }
}
