package dev.mizzen.agent.core;

import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Request;
import dev.mizzen.agent.bridge.Service;
import dev.mizzen.agent.core.balance.Cluster;
import dev.mizzen.agent.core.balance.ClusterConfig;
import dev.mizzen.agent.core.balance.Assignment;
import dev.mizzen.agent.core.route.RouteTable;
import dev.mizzen.agent.core.route.RoutedCall;
import dev.mizzen.agent.core.route.Routes;
import dev.mizzen.agent.core.xds.Client;
import dev.mizzen.agent.core.xds.Listener;
import dev.mizzen.agent.core.xds.Resource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * A service that the application calls. It follows its Listener, the routes that this names, and the clusters and endpoints that those name.
 * New routes take effect when all of these were answered; until then the old ones stay.
 */
final class XdsService implements Service, Resource.Follower {
    private final XdsMesh mesh;
    private final Client client;
    /** The name of the Listener: NAME or NAME:PORT. */
    final String name;
    private final Mode mode;
    /** Until when a call may wait for the first answer, in the time of System.nanoTime. */
    private final long deadline;
    /** Whether the control plane has said that it does not know the name. */
    private volatile boolean unknown;
    /** What was said about the registry, which decides: null, or {@link #unknown}. */
    private volatile Boolean told;
    /** Null until the control plane knows the name. */
    private volatile Routes routes;
    private volatile Presence presence = Presence.PENDING;

    // Guarded by the client.
    private List<Resource> held = new ArrayList<>();
    private List<CompletableFuture<Presence>> waiting = new ArrayList<>(0);
    /** Who waits for the next change. */
    private List<CompletableFuture<Presence>> watching = new ArrayList<>(0);

    XdsService(XdsMesh mesh, Client client, String name, Mode mode, long deadline) {
        this.mesh = mesh;
        this.client = client;
        this.name = name;
        this.mode = mode;
        this.deadline = deadline;
    }

    /** Subscribes. The caller has locked the client. */
    void follow() {
        held.add(client.retain(Client.LISTENER, name, this));
        if (held.get(0).answered()) { // by the last-good file
            changed();
        }
        if (client.away()) {
            giveUp();
        }
    }

    @Override
    public void changed() {
        List<Resource> wanted = new ArrayList<>();
        Resource listener = held.get(0);
        wanted.add(want(Client.LISTENER, name));
        if (listener.answered()) {
            decide((Listener) listener.value(), listener.refusal, wanted);
        }
        List<Resource> old = held;
        held = wanted;
        for (Resource r : old) {
            client.release(r, this);
        }
    }

    private Resource want(int kind, String resource) {
        return client.retain(kind, resource, this);
    }

    /** Decides by what is known now, and notes the resources that this depends on. */
    private void decide(Listener listener, String refusal, List<Resource> wanted) {
        if (listener == null && refusal != null) {
            settle(Presence.KNOWN, new Routes("the control plane's listener was rejected: " + refusal));
            return;
        }
        if (listener == null || listener.unknown) {
            settle(Presence.UNKNOWN, null);
            return;
        }
        RouteTable table = listener.inline;
        String problem = null;
        if (table == null) {
            Resource r = want(Client.ROUTES, listener.routes);
            wanted.add(r);
            table = (RouteTable) r.value();
            if (table == null && r.answered()) {
                problem = r.refusal != null ? "the control plane's routes were rejected: " + r.refusal : "the control plane has no routes for " + name;
            }
        }
        if (problem != null) {
            settle(Presence.KNOWN, new Routes(problem));
        } else if (table != null && ready(table, wanted)) {
            settle(Presence.KNOWN, new Routes(table, clusters(table, wanted), name));
        } else if (routes != null && routes.table != null) {
            ready(routes.table, wanted);
            clusters(routes.table, wanted);
        }
    }

    /** Subscribes to the clusters of a route table and to their endpoints. Reports whether all of them were answered. */
    private boolean ready(RouteTable table, List<Resource> wanted) {
        boolean ready = true;
        for (String cluster : table.clusters()) {
            Resource c = want(Client.CLUSTER, cluster);
            wanted.add(c);
            ready &= c.answered();
            ClusterConfig config = (ClusterConfig) c.value();
            if (config != null && config.assignment() != null) {
                Resource e = want(Client.ENDPOINTS, config.assignment());
                wanted.add(e);
                ready &= e.answered();
            }
        }
        return ready;
    }

    /** Brings the clusters of a table up to date. */
    private Map<String, Cluster> clusters(RouteTable table, List<Resource> wanted) {
        Map<String, Resource> byName = new HashMap<>();
        for (Resource r : wanted) {
            byName.put(r.kind.url + r.name, r);
        }
        Map<String, Cluster> clusters = new HashMap<>();
        for (String cluster : table.clusters()) {
            Resource resource = byName.get(client.kind(Client.CLUSTER).url + cluster);
            ClusterConfig config = (ClusterConfig) resource.value();
            if (config == null) {
                continue;
            }
            Assignment a = Assignment.EMPTY;
            Cluster c = (Cluster) resource.attachment;
            if (config.assignment() != null) {
                Resource e = byName.get(client.kind(Client.ENDPOINTS).url + config.assignment());
                if (c != null && !e.answered()) { // it goes on by what it had, until the other endpoints are there
                    clusters.put(cluster, c);
                    continue;
                }
                a = e.value() == null ? Assignment.EMPTY : (Assignment) e.value();
            }
            if (c == null) {
                c = new Cluster(cluster);
                resource.attachment = c;
            }
            if (config.tls != null) {
                config.tls.use(mesh.providers);
            }
            c.update(config, a);
            clusters.put(cluster, c);
        }
        return clusters;
    }

    private void settle(Presence now, Routes newRoutes) {
        if (now != presence) {
            Log.debug(name + (now == Presence.KNOWN ? ": the mesh knows it, and decides in the mode " : ": the mesh does not know it, and the registry decides; the mode is ") + mode);
        }
        unknown = now == Presence.UNKNOWN;
        routes = newRoutes;
        presence = now;
        wake();
    }

    /** The first call need not wait any more: the application's own balancer decides until the control plane answers. */
    void giveUp() {
        if (presence == Presence.PENDING) {
            Log.debug(name + (mode == Mode.OFF ? ": the mode is OFF, and the registry decides" : ": the control plane has not answered, and the registry decides"));
            presence = Presence.UNKNOWN;
            wake();
        }
    }

    /** Gives up if it is time. Returns when it will be, or Long.MAX_VALUE. */
    long tick(long now) {
        if (presence != Presence.PENDING) {
            return Long.MAX_VALUE;
        }
        if (deadline - now <= 0) {
            giveUp();
            return Long.MAX_VALUE;
        }
        return deadline;
    }

    private void wake() {
        List<CompletableFuture<Presence>> woken = waiting;
        waiting = new ArrayList<>(0);
        mesh.complete(woken, presence);
        woken = watching;
        watching = new ArrayList<>(0);
        mesh.complete(woken, presence);
    }

    @Override
    public boolean isNewlyLeft() {
        if (told != null && told == unknown) {
            return false;
        }
        synchronized (client) {
            boolean isNew = told == null || told != unknown;
            told = unknown;
            return isNew;
        }
    }

    @Override
    public void leftToRegistry(boolean hasInstance) {
        int colon = name.indexOf(':');
        if (!told) {
            Log.info("the control plane has not answered for \"" + name + "\"; until it does, the registry decides" + (hasInstance ? "" : ", which has no instance: calls fail"));
        } else if (!hasInstance) {
            Log.info("the mesh does not know \"" + name + "\" for namespace " + mesh.config.bootstrap.namespace + ", and the registry has no instance: calls fail. "
                + "'controlplane inspect unknown' names what is near");
        } else if (colon > 0) {
            Log.info("the mesh does not know \"" + name + "\"; instances of the registry are called, and no rule of " + name.substring(0, colon)
                + " applies. Leave the port out, or give it to the Service");
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Mode mode() {
        return mode;
    }

    @Override
    public Presence presence() {
        return presence;
    }

    @Override
    public CompletionStage<Presence> settled() {
        CompletableFuture<Presence> f = new CompletableFuture<>();
        if (presence == Presence.PENDING) {
            synchronized (client) {
                if (presence == Presence.PENDING) {
                    waiting.add(f);
                    return f;
                }
            }
        }
        f.complete(presence);
        return f;
    }

    @Override
    public CompletionStage<Presence> nextChange() {
        CompletableFuture<Presence> f = new CompletableFuture<>();
        synchronized (client) {
            watching.add(f);
        }
        return f;
    }

    @Override
    public Presence await() {
        if (presence == Presence.PENDING) {
            synchronized (client) {
                try {
                    for (long now; presence == Presence.PENDING && deadline - (now = System.nanoTime()) > 0; ) {
                        client.wait((deadline - now) / 1_000_000 + 1);
                    }
                    giveUp();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt(); // of this call only: the others still wait
                    return Presence.UNKNOWN;
                }
            }
        }
        return presence;
    }

    @Override
    public Plan plan(Request request) {
        Routes r = routes;
        RoutedCall call = RoutedCall.of(r == null ? new Routes("the control plane does not know " + name) : r, request, mesh.lanes, mode == Mode.MERGE);
        return mesh.config.hostIsService ? call.keepAuthority() : call;
    }

    /** The routes in effect, or null. */
    Routes routes() {
        return routes;
    }

    @Override
    public List<Endpoint> endpoints() {
        Routes r = routes;
        Map<String, Endpoint> byAddress = new LinkedHashMap<>();
        if (r != null) {
            for (Cluster c : r.clusters.values()) {
                for (Endpoint e : c.endpoints()) {
                    byAddress.put(e.toString(), e);
                }
            }
        }
        return new ArrayList<>(byAddress.values());
    }
}
