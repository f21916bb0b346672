package dev.mizzen.agent.adapters;

import com.netflix.loadbalancer.AbstractLoadBalancer;
import com.netflix.loadbalancer.ILoadBalancer;
import com.netflix.loadbalancer.LoadBalancerStats;
import com.netflix.loadbalancer.Server;
import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Attempt;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Service;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;

/** Ribbon's balancers, for libraries that have no hook of their own. They are not told the request: it counts as GET / without headers. */
public final class RibbonBalancer implements Adapter {
    private final Mesh mesh;

    public RibbonBalancer(Mesh mesh) {
        this.mesh = mesh;
    }

    @Override
    public Object after(Object result, Object self, Object name, Object type) {
        if (!(result instanceof ILoadBalancer) || result instanceof Meshed || !((Class<?>) type).isAssignableFrom(Meshed.class)) {
            return result;
        }
        return new Meshed(mesh, (String) name, (ILoadBalancer) result);
    }

    /** A load balancer key: the endpoint is chosen already. */
    static final class Chosen {
        private final Endpoint endpoint;

        Chosen(Endpoint endpoint) {
            this.endpoint = endpoint;
        }
    }

    private static final class Meshed extends AbstractLoadBalancer {
        private final Mesh mesh;
        private final String name;
        private final ILoadBalancer own;

        Meshed(Mesh mesh, String name, ILoadBalancer own) {
            this.mesh = mesh;
            this.name = name;
            this.own = own;
        }

        /** The service if the mesh decides, else null. */
        private Service meshed() {
            Service service = mesh.service(name, 0);
            return Call.meshed(service, name, service.await()) ? service : null;
        }

        @Override
        public Server chooseServer(Object key) {
            if (key instanceof Chosen) {
                Endpoint chosen = ((Chosen) key).endpoint;
                return server(chosen, Encrypted.host(chosen));
            }
            Service service = meshed();
            if (service == null) {
                return own.chooseServer(key);
            }
            Attempt attempt = service.plan(new Call("GET", URI.create("http://" + name + "/"), n -> null)).attempt(() -> registry());
            if (attempt == null) {
                return null;
            }
            attempt.done(200);
            Call.balanced();
            return server(attempt.endpoint(), Encrypted.host(attempt.endpoint()));
        }

        private List<Endpoint> registry() {
            List<Endpoint> found = Registry.instances(name);
            if (!found.isEmpty()) {
                return found;
            }
            List<Endpoint> reachable = new ArrayList<>();
            for (Server s : own.getReachableServers()) {
                reachable.add(new Reachable(s));
            }
            return reachable;
        }

        private static Server server(Endpoint e, String host) {
            Server server = new Server(e.secure() ? "https" : "http", host, e.port());
            server.setAlive(true);
            server.setReadyToServe(true);
            return server;
        }

        @Override
        public List<Server> getReachableServers() {
            return servers(own.getReachableServers());
        }

        @Override
        public List<Server> getAllServers() {
            return servers(own.getAllServers());
        }

        private List<Server> servers(List<Server> registry) {
            Service service = meshed();
            if (service == null) {
                return registry;
            }
            List<Server> servers = new ArrayList<>();
            service.endpoints().forEach(e -> servers.add(server(e, e.host())));
            if (service.mode() == Service.Mode.MERGE) {
                registry.stream().filter(s -> !servers.contains(s)).forEach(servers::add);
            }
            return servers;
        }

        @Override
        public List<Server> getServerList(ServerGroup group) {
            return own instanceof AbstractLoadBalancer && meshed() == null ? ((AbstractLoadBalancer) own).getServerList(group) : getAllServers();
        }

        @Override
        @Deprecated
        public List<Server> getServerList(boolean available) {
            return getAllServers();
        }

        @Override
        public LoadBalancerStats getLoadBalancerStats() {
            return own instanceof AbstractLoadBalancer ? ((AbstractLoadBalancer) own).getLoadBalancerStats() : new LoadBalancerStats(name);
        }

        @Override
        public void addServers(List<Server> servers) {
            own.addServers(servers);
        }

        @Override
        public void markServerDown(Server server) {
            own.markServerDown(server);
        }
    }

    private static final class Reachable implements Endpoint {
        private final Server server;

        Reachable(Server server) {
            this.server = server;
        }

        @Override
        public String host() {
            return server.getHost();
        }

        @Override
        public int port() {
            return server.getPort();
        }

        @Override
        public boolean secure() {
            return "https".equals(server.getScheme());
        }

        @Override
        public java.util.Map<String, String> labels() {
            return java.util.Collections.emptyMap();
        }
    }
}
