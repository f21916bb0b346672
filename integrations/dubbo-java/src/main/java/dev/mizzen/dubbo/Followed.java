package dev.mizzen.dubbo;

import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Service;
import dev.mizzen.agent.core.Log;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
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
    /** How long a new reference waits for Dubbo's connections, and how long a call does, in seconds. */
    private static final long ADDED = 30, ENSURED = 3;
    final String name;
    final Service service;
    private final ApplicationModel application;
    /** Its one thread makes Dubbo's connections, which may take long, and tells the states in their order. It ends if there is nothing to do. */
    private final ThreadPoolExecutor publisher;
    /** By interface, group, version and protocol. */
    private final Map<String, MetadataInfo.ServiceInfo> interfaces = new TreeMap<>();
    /** A new one for each change of the interfaces. Dubbo compares revisions by identity. */
    private MetadataInfo metadata;
    private final Set<ServiceInstancesChangedListener> listeners = Collections.newSetFromMap(new java.util.IdentityHashMap<>());
    /** The addresses to which Dubbo has connections, or tries to have them. */
    private volatile Set<String> published = Collections.emptySet();

    Followed(String name, Service service, ApplicationModel application) {
        this.name = name;
        this.service = service;
        this.application = application;
        this.publisher = new ThreadPoolExecutor(0, 1, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
            Thread thread = new Thread(task, "mizzen-dubbo");
            thread.setDaemon(true);
            return thread;
        });
        publisher.execute(this::follow);
    }

    /** Ends what follows the mesh. */
    void close() {
        publisher.shutdownNow();
    }

    private void follow() {
        CompletionStage<?> next = service.nextChange();
        try {
            publish(false);
        } catch (Throwable e) {
            untold(e);
        } finally {
            next.thenRunAsync(this::follow, publisher);
        }
    }

    private void untold(Throwable e) {
        Log.info("Dubbo did not take the endpoints of \"" + name + "\", and keeps those that it has until they change again: " + e);
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

    void add(ServiceInstancesChangedListener listener) {
        synchronized (this) {
            listeners.add(listener);
        }
        tell(true, ADDED);
    }

    synchronized void remove(ServiceInstancesChangedListener listener) {
        listeners.remove(listener);
    }

    /** Tells Dubbo the endpoints, which makes its connections. Only the thread of the publisher calls it. */
    private void publish(boolean always) {
        List<ServiceInstance> instances;
        List<ServiceInstancesChangedListener> told;
        synchronized (this) {
            instances = made();
            told = new ArrayList<>(listeners);
        }
        Set<String> addresses = new HashSet<>();
        for (ServiceInstance i : instances) {
            addresses.add(address(i.getHost(), i.getPort()));
        }
        if (always || !addresses.equals(published)) {
            for (ServiceInstancesChangedListener listener : told) {
                try {
                    listener.onEvent(new ServiceInstancesChangedEvent(name, instances));
                } catch (Throwable e) {
                    untold(e);
                }
            }
            published = addresses;
        }
    }

    /** Has the publisher tell Dubbo the endpoints, and waits for it up to a limit. */
    private void tell(boolean always, long seconds) {
        try {
            CompletableFuture.runAsync(() -> publish(always), publisher).get(seconds, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException e) {
            untold(e.getCause());
        } catch (TimeoutException e) {
            Log.debug(name + ": Dubbo still connects to its endpoints");
        } catch (RejectedExecutionException e) {
            Log.debug(name + ": the registry is closed");
        }
    }

    /** Has Dubbo know an endpoint that a new route chose before it was told. */
    void ensure(Endpoint e) {
        if (!published.contains(address(e.host(), e.port()))) {
            tell(false, ENSURED);
        }
    }

    private static String address(String host, int port) {
        return host + ' ' + port;
    }
}
