package dev.mizzen.dubbo;

import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Service;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import org.apache.dubbo.common.URL;
import org.apache.dubbo.metadata.MetadataInfo;
import org.apache.dubbo.registry.client.DefaultServiceInstance;
import org.apache.dubbo.registry.client.ServiceInstance;
import org.apache.dubbo.registry.client.event.ServiceInstancesChangedEvent;
import org.apache.dubbo.registry.client.event.listener.ServiceInstancesChangedListener;
import org.apache.dubbo.registry.client.metadata.ServiceInstanceMetadataUtils;
import org.apache.dubbo.rpc.model.ApplicationModel;

/**
 * A service of the mesh that references call, and the instances that Dubbo was told. Their metadata is made here, of what the references ask for: a
 * provider need not tell it, so it can be any server that speaks the protocol.
 */
final class Followed {
    final String name;
    final Service service;
    private final ApplicationModel application;
    private final Executor publisher;
    /** By interface, group, version and protocol. */
    private final Map<String, MetadataInfo.ServiceInfo> interfaces = new TreeMap<>();
    /** A new one for each change of the interfaces. Dubbo compares revisions by identity. */
    private MetadataInfo metadata;
    private final Set<ServiceInstancesChangedListener> listeners = Collections.newSetFromMap(new java.util.IdentityHashMap<>());
    /** The addresses to which Dubbo has connections, or tries to have them. */
    private volatile Set<String> published = Collections.emptySet();

    Followed(String name, Service service, ApplicationModel application, Executor publisher) {
        this.name = name;
        this.service = service;
        this.application = application;
        this.publisher = publisher;
        publisher.execute(this::follow);
    }

    private void follow() {
        CompletionStage<?> next = service.nextChange();
        publish(false);
        next.thenRunAsync(this::follow, publisher);
    }

    /** Notes the interface of a reference. */
    synchronized void has(URL consumer) {
        MetadataInfo.ServiceInfo info = new MetadataInfo.ServiceInfo(consumer.getServiceInterface(), consumer.getGroup(), consumer.getVersion(),
                consumer.getParameter("protocol", "tri"), -1, consumer.getServiceInterface(), null);
        if (interfaces.putIfAbsent(info.getMatchKey(), info) == null) {
            metadata = new MetadataInfo(name, "mizzen-" + interfaces.size(), new TreeMap<>(interfaces));
            metadata.init();
        }
    }

    /** Waits for the first answer of the control plane, as long as a first call may. */
    List<ServiceInstance> instances() {
        service.await();
        return made();
    }

    private synchronized List<ServiceInstance> made() {
        List<ServiceInstance> instances = new ArrayList<>();
        if (metadata != null) {
            for (Endpoint e : service.endpoints()) {
                DefaultServiceInstance instance = new DefaultServiceInstance(name, e.host(), e.port(), application);
                instance.getMetadata().put(ServiceInstanceMetadataUtils.EXPORTED_SERVICES_REVISION_PROPERTY_NAME, metadata.getRevision());
                instance.setServiceMetadata(metadata);
                instances.add(instance);
            }
        }
        return instances;
    }

    synchronized void add(ServiceInstancesChangedListener listener) {
        listeners.add(listener);
        publish(true);
    }

    synchronized void remove(ServiceInstancesChangedListener listener) {
        listeners.remove(listener);
    }

    /** Tells Dubbo the endpoints, which makes its connections. */
    private synchronized void publish(boolean always) {
        List<ServiceInstance> instances = made();
        Set<String> addresses = new HashSet<>();
        for (ServiceInstance i : instances) {
            addresses.add(address(i.getHost(), i.getPort()));
        }
        if (always || !addresses.equals(published)) {
            for (ServiceInstancesChangedListener listener : listeners) {
                listener.onEvent(new ServiceInstancesChangedEvent(name, instances));
            }
            published = addresses;
        }
    }

    /** Has Dubbo know an endpoint that a new route chose before it was told. */
    void ensure(Endpoint e) {
        if (!published.contains(address(e.host(), e.port()))) {
            publish(false);
        }
    }

    private static String address(String host, int port) {
        return host + ' ' + port;
    }
}
