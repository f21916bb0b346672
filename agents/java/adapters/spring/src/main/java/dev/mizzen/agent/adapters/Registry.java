package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Bridge;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Service;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.springframework.cloud.client.ServiceInstance;
import org.springframework.cloud.client.discovery.DiscoveryClient;
import org.springframework.cloud.client.discovery.ReactiveDiscoveryClient;

/** The application's own registry. */
final class Registry {
    private static final long FRESH = TimeUnit.SECONDS.toNanos(1);
    private static volatile WeakReference<Object> client = new WeakReference<>(null);
    private static final Map<String, Instances> CACHE = new ConcurrentHashMap<>();

    private Registry() {
    }

    /** Notes the client that asks all registries of the application. One that blocks is preferred: it answers from memory. */
    static void use(Object composite) {
        if (composite instanceof DiscoveryClient || !(client.get() instanceof DiscoveryClient)) {
            client = new WeakReference<>(composite);
            CACHE.clear();
        }
    }

    /** The instances of a service, at most a second old. Empty if there is no registry or if it fails. */
    static List<Endpoint> instances(String service) {
        Instances known = CACHE.get(service);
        if (known == null || System.nanoTime() - known.at > FRESH) {
            known = new Instances(ask(service));
            CACHE.put(service, known);
        }
        return known.list;
    }

    /** Notes that the registry decides a call of a service. Whether it has an instance is found out later, once: the call does not wait for it. */
    static void decides(Service service, String name) {
        if (service.isNewlyLeft()) {
            Blocking.later(() -> service.leftToRegistry(!instances(name).isEmpty()));
        }
    }

    private static List<Endpoint> ask(String service) {
        Object c = client.get();
        if (c == null) {
            return Collections.emptyList();
        }
        try {
            List<ServiceInstance> found = Bridge.untouched(() -> c instanceof DiscoveryClient ? ((DiscoveryClient) c).getInstances(service)
                    : ((ReactiveDiscoveryClient) c).getInstances(service).collectList().block());
            List<Endpoint> endpoints = new ArrayList<>();
            for (ServiceInstance instance : found) {
                endpoints.add(new Registered(instance));
            }
            return endpoints;
        } catch (Exception e) {
            return Collections.emptyList();
        }
    }

    private static final class Instances {
        final List<Endpoint> list;
        final long at = System.nanoTime();

        Instances(List<Endpoint> list) {
            this.list = list;
        }
    }

    /** An instance of the registry. */
    static final class Registered implements Endpoint {
        final ServiceInstance instance;

        Registered(ServiceInstance instance) {
            this.instance = instance;
        }

        @Override
        public String host() {
            return instance.getHost();
        }

        @Override
        public int port() {
            return instance.getPort();
        }

        @Override
        public boolean secure() {
            return instance.isSecure();
        }

        @Override
        public Map<String, String> labels() {
            return instance.getMetadata() == null ? Collections.emptyMap() : instance.getMetadata();
        }
    }
}
