package dev.mizzen.agent.core.route;

import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** An envoy.config.route.v3.RouteConfiguration. */
public final class RouteTable {
    String name = "";
    final List<VirtualHost> hosts = new ArrayList<>(1);
    Edits request = Edits.NONE, response = Edits.NONE;
    /** The header edits of wider levels come last, unless the configuration asks for the opposite. */
    boolean mostSpecificLast;
    private final Set<String> clusters = new LinkedHashSet<>();

    public static RouteTable decode(Reader r) {
        RouteTable table = new RouteTable();
        Edits.Builder request = new Edits.Builder(), response = new Edits.Builder();
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: table.name = r.string(); break;
                case 2: table.hosts.add(VirtualHost.decode(r.message())); break;
                case 4: response.add(r); break;
                case 5: response.remove(r); break;
                case 6: request.add(r); break;
                case 8: request.remove(r); break;
                case 9: throw new Refused("a route configuration loads virtual hosts on demand, which this client does not support");
                case 10: table.mostSpecificLast = r.bool(); break;
                default: r.skip();
            }
        }
        table.request = request.build();
        table.response = response.build();
        for (VirtualHost host : table.hosts) {
            host.table = table;
            for (Route route : host.routes) {
                for (Target t : route.targets) {
                    table.clusters.add(t.cluster);
                }
                for (Target t : route.mirrors) {
                    table.clusters.add(t.cluster);
                }
            }
        }
        return table;
    }

    public String name() {
        return name;
    }

    /** The names of the clusters that any route may choose. */
    public Set<String> clusters() {
        return clusters;
    }

    /** Returns the virtual host whose domains fit a name best, or null. */
    public VirtualHost host(String name) {
        VirtualHost best = null;
        int fit = 0;
        for (VirtualHost host : hosts) {
            int f = host.fit(name);
            if (f > fit) {
                fit = f;
                best = host;
            }
        }
        return best;
    }

    /** Reports whether this is how a control plane says that it does not know a host: one virtual host, without routes. */
    public boolean isUnknownHost() {
        return hosts.size() == 1 && hosts.get(0).routes.isEmpty();
    }
}
