package dev.mizzen.agent.core.route;

import dev.mizzen.agent.core.balance.Cluster;
import java.util.Collections;
import java.util.Map;

/** The routes of one service that are in effect, with the clusters that they name. It is immutable; the clusters live on. */
public final class Routes {
    public final RouteTable table;
    public final Map<String, Cluster> clusters;
    /** Null if no virtual host fits the name of the service. */
    final VirtualHost host;
    /** Why there are no routes; null if there are. */
    public final String problem;

    public Routes(RouteTable table, Map<String, Cluster> clusters, String name) {
        this.table = table;
        this.clusters = clusters;
        this.host = table.host(name);
        this.problem = host == null ? "the routes have no virtual host for " + name : null;
    }

    /** Routes that match no call, and why. */
    public Routes(String problem) {
        this.table = null;
        this.clusters = Collections.emptyMap();
        this.host = null;
        this.problem = problem;
    }
}
