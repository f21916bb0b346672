package dev.mizzen.agent.core.xds;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.Message;
import com.google.protobuf.TypeRegistry;
import com.google.protobuf.util.JsonFormat;
import dev.mizzen.agent.core.ControlPlane;
import dev.mizzen.agent.core.wire.Reader;
import io.envoyproxy.envoy.config.cluster.v3.Cluster;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.config.route.v3.RouteConfiguration;
import io.envoyproxy.envoy.extensions.filters.http.fault.v3.HTTPFault;
import io.envoyproxy.envoy.extensions.filters.http.router.v3.Router;
import io.envoyproxy.envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;
import io.envoyproxy.envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate;
import io.envoyproxy.envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The decoder takes all that the control plane makes for this client: every resource of every golden. */
class GoldenTest {
    private static final TypeRegistry TYPES = TypeRegistry.newBuilder().add(Arrays.asList(HttpConnectionManager.getDescriptor(), HTTPFault.getDescriptor(), Router.getDescriptor(),
        PreviousHostsPredicate.getDescriptor(), UpstreamTlsContext.getDescriptor())).build();

    @Test
    void takesEveryGolden() throws Exception {
        List<Path> goldens;
        try (Stream<Path> files = Files.walk(ControlPlane.root().resolve("pkg/translate/testdata"))) {
            goldens = files.filter(p -> p.toString().endsWith(".in.yaml")).sorted().collect(Collectors.toList());
        }
        int resources = 0;
        for (Path golden : goldens) {
            String text = ControlPlane.run("render", "--certificate-providers", "default,mesh-ca,shop,system", "--client", "mizzen-java-agent", "-o", "json", "-f", golden.toString());
            for (JsonElement e : JsonParser.parseString(text).getAsJsonObject().getAsJsonArray("resources")) {
                check(golden, e.getAsJsonObject());
                resources++;
            }
        }
        assertTrue(goldens.size() > 50 && resources > 500, goldens.size() + " goldens with " + resources + " resources");
    }

    private static void check(Path golden, JsonObject resource) throws Exception {
        String type = resource.get("type").getAsString();
        Message.Builder b = builder(type);
        resource.getAsJsonObject("resource").remove("load_balancing_policy"); // for gRPC clients; it is not read
        JsonFormat.parser().usingTypeRegistry(TYPES).merge(resource.get("resource").toString(), b);
        for (int kind = 0; kind < Client.KINDS; kind++) {
            Kind k = new Kind(kind);
            if (k.label().equals(type)) {
                try {
                    k.decode(new Reader(b.build().toByteArray()));
                } catch (RuntimeException e) {
                    throw new AssertionError(golden + ": " + resource.get("name"), e);
                }
            }
        }
    }

    private static Message.Builder builder(String type) {
        switch (type) {
            case "Listener": return io.envoyproxy.envoy.config.listener.v3.Listener.newBuilder();
            case "RouteConfiguration": return RouteConfiguration.newBuilder();
            case "Cluster": return Cluster.newBuilder();
            case "ClusterLoadAssignment": return ClusterLoadAssignment.newBuilder();
            default: throw new AssertionError(type);
        }
    }
}
