package dev.mizzen.agent.core.xds;

import dev.mizzen.agent.core.balance.Assignment;
import dev.mizzen.agent.core.balance.ClusterConfig;
import dev.mizzen.agent.core.route.RouteTable;
import dev.mizzen.agent.core.wire.Buffer;
import dev.mizzen.agent.core.wire.Reader;
import java.util.LinkedHashMap;
import java.util.Map;

/** A type of resource and its subscription in the state-of-the-world protocol. It is guarded by its client. */
public final class Kind {
    private static final String[] URLS = {"config.listener.v3.Listener", "config.route.v3.RouteConfiguration", "config.cluster.v3.Cluster",
        "config.endpoint.v3.ClusterLoadAssignment"};
    private static final int INVALID_ARGUMENT = 3;

    final int id;
    public final String url;
    /** True if a response has all resources of the subscription, so that one that is missing does not exist. */
    final boolean whole;
    public final Map<String, Resource> resources = new LinkedHashMap<>();
    /** The version of the last accepted response, on whatever stream. */
    public String version = "";
    String nonce = "";
    /** Why the last response is rejected; null if it is accepted. */
    String rejection;
    /** A request is to be sent. */
    boolean dirty;
    /** How many requests were sent on this stream. */
    int requests;

    Kind(int id) {
        this.id = id;
        this.url = "type.googleapis.com/envoy." + URLS[id];
        this.whole = id == Client.LISTENER || id == Client.CLUSTER;
    }

    /** The short name of the type, such as Listener. */
    public String label() {
        return url.substring(url.lastIndexOf('.') + 1);
    }

    /** Begins a new stream. */
    void reset() {
        nonce = "";
        rejection = null;
        requests = 0;
        dirty = !resources.isEmpty();
        for (Resource r : resources.values()) {
            r.askedAt = 0;
        }
    }

    byte[] request(byte[] node, long now) {
        Buffer b = new Buffer(256).string(1, version);
        if (node != null) {
            b.bytes(2, node);
        }
        for (Resource r : resources.values()) {
            b.string(3, r.name);
            if (r.askedAt == 0) {
                r.askedAt = now;
            }
        }
        b.string(4, url).string(5, nonce);
        if (rejection != null) {
            b.message(6, new Buffer(64).number(1, INVALID_ARGUMENT).string(2, rejection));
        }
        dirty = false;
        requests++;
        return b.toBytes();
    }

    Object decode(Reader r) {
        switch (id) {
            case Client.LISTENER: return Listener.decode(r);
            case Client.ROUTES: return RouteTable.decode(r);
            case Client.CLUSTER: return ClusterConfig.decode(r);
            default: return Assignment.decode(r);
        }
    }

    /** Reads only the name of a resource: field 1 in each type. */
    static String name(Reader r) {
        String name = "";
        for (int f; (f = r.next()) != 0; ) {
            if (f == 1) {
                name = r.string();
            } else {
                r.skip();
            }
        }
        return name;
    }
}
