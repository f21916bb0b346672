package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Service;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.springframework.cloud.client.ServiceInstance;

/** The client that asks all registries of the application: it tells the services of the mesh, too. */
public final class Discovery implements Adapter {
    private final Mesh mesh;

    public Discovery(Mesh mesh) {
        this.mesh = mesh;
    }

    /** getInstances(service), getServices(), or the constructor, which has no result. */
    @Override
    public Object after(Object result, Object self, Object a, Object b) {
        if (result == null) {
            Registry.use(self);
            return null;
        }
        if (ofBalancer()) {
            return result;
        }
        return a instanceof String ? instances(mesh.service((String) a, 0), (String) a, (Collection<?>) result) : services(mesh, (Collection<?>) result);
    }

    /**
     * Whether a balancer of Spring Cloud LoadBalancer asks: it decides a call only if the mesh does not. If it knew the mesh's endpoints, such a call would reach
     * them past all rules. It asks on a thread of its own, and its caller is not known there.
     */
    static boolean ofBalancer() {
        for (StackTraceElement frame : new Throwable().getStackTrace()) {
            if (frame.getClassName().startsWith("org.springframework.cloud.loadbalancer.core.")) {
                return true;
            }
        }
        return false;
    }

    static List<ServiceInstance> instances(Service service, String name, Collection<?> registry) {
        List<ServiceInstance> own = new ArrayList<>();
        registry.forEach(i -> own.add((ServiceInstance) i));
        if (service.await() != Service.Presence.KNOWN || service.mode() == Service.Mode.OFF || service.mode() == Service.Mode.REGISTRY_FIRST && !own.isEmpty()) {
            return own;
        }
        List<ServiceInstance> all = new ArrayList<>();
        Set<String> addresses = new LinkedHashSet<>();
        for (Endpoint e : service.endpoints()) {
            addresses.add(e.host() + ":" + e.port());
            all.add(Instance.of(name, e));
        }
        if (service.mode() == Service.Mode.MERGE) {
            own.removeIf(i -> !addresses.add(i.getHost() + ":" + i.getPort()));
            all.addAll(own);
        }
        return all;
    }

    static List<String> services(Mesh mesh, Collection<?> registry) {
        Set<String> names = new LinkedHashSet<>();
        registry.forEach(n -> names.add((String) n));
        names.addAll(mesh.services());
        return new ArrayList<>(names);
    }
}
