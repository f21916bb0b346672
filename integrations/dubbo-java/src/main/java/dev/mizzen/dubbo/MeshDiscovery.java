package dev.mizzen.dubbo;

import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.core.Config;
import dev.mizzen.agent.core.Core;
import dev.mizzen.agent.core.Log;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.dubbo.common.URL;
import org.apache.dubbo.common.constants.CommonConstants;
import org.apache.dubbo.common.constants.RegistryConstants;
import org.apache.dubbo.registry.NotifyListener;
import org.apache.dubbo.registry.client.AbstractServiceDiscovery;
import org.apache.dubbo.registry.client.ServiceInstance;
import org.apache.dubbo.registry.client.event.listener.ServiceInstancesChangedListener;
import org.apache.dubbo.rpc.model.ApplicationModel;

/**
 * A registry whose applications are the services of the mesh. The instances of one are all endpoints that its routes may choose; {@link MeshClusterFilter}
 * and {@link MeshRouter} choose among them. Nothing is registered: Kubernetes knows the providers.
 */
final class MeshDiscovery extends AbstractServiceDiscovery {
    private final Mesh mesh;
    private final References references;
    private final Map<String, Followed> followed = new ConcurrentHashMap<>();

    MeshDiscovery(ApplicationModel application, URL registry) {
        super(application, registry.addParameter(CommonConstants.REGISTRY_LOCAL_FILE_CACHE_ENABLED, false));
        references = application.getBeanFactory().getOrRegisterBean(References.class);
        Map<String, String> variables = new HashMap<>(System.getenv());
        String bootstrap = registry.getParameter("bootstrap");
        if (bootstrap != null) {
            variables.put("GRPC_XDS_BOOTSTRAP", bootstrap);
        }
        Config config = Config.read(variables, System.getProperties());
        if (config.bootstrap == null) {
            throw new IllegalStateException("The registry mizzen:// has no control plane: " + config.problem
                    + ". Set GRPC_XDS_BOOTSTRAP, or the parameter bootstrap of the registry, to a file of 'controlplane bootstrap'.");
        }
        config.bootstrap.callsRpc();
        if (config.bootstrap.dropProviders()) {
            Log.info("the certificate providers of the bootstrap are not used: mizzen-dubbo cannot encrypt. Calls that need it fail");
        }
        mesh = Core.start(config);
    }

    @Override
    public void subscribe(URL consumer, NotifyListener directory) {
        String name = consumer.getParameter(RegistryConstants.PROVIDED_BY, "").trim();
        if (name.isEmpty() || name.indexOf(',') >= 0) {
            throw new IllegalStateException("The reference to " + consumer.getServiceInterface() + " names " + (name.isEmpty() ? "no service" : "several services, \"" + name + "\",")
                    + " of the mesh, so it cannot be called. Set its providedBy to one name with its port, as \"greeter.shop:50051\".");
        }
        Followed service = of(name);
        super.subscribe(consumer, directory);
        service.has(consumer);
        references.put(directory, service);
    }

    @Override
    public void unsubscribe(URL consumer, NotifyListener directory) {
        super.unsubscribe(consumer, directory);
        references.remove(directory);
    }

    private Followed of(String name) {
        return followed.computeIfAbsent(name, n -> {
            if (isDestroy()) {
                throw new IllegalStateException("The registry mizzen:// is closed, so nothing can follow \"" + n + "\".");
            }
            int colon = n.lastIndexOf(':');
            String host = colon < 0 ? n : n.substring(0, colon);
            int port = 0;
            if (colon >= 0) {
                try {
                    port = Integer.parseInt(n.substring(colon + 1));
                } catch (NumberFormatException e) {
                    throw new IllegalStateException("The port of \"" + n + "\" is not a number. Write providedBy as NAME:PORT.", e);
                }
            }
            return new Followed(n, mesh.service(host, port), applicationModel);
        });
    }

    @Override
    public List<ServiceInstance> getInstances(String name) {
        return of(name).instances();
    }

    @Override
    public Set<String> getServices() {
        return Collections.unmodifiableSet(followed.keySet());
    }

    /** Dubbo calls this after each subscription, also if it has the listener already. */
    @Override
    public void addServiceInstancesChangedListener(ServiceInstancesChangedListener listener) {
        for (String name : listener.getServiceNames()) {
            of(name).add(listener);
        }
    }

    @Override
    public void removeServiceInstancesChangedListener(ServiceInstancesChangedListener listener) {
        for (String name : listener.getServiceNames()) {
            Followed service = followed.get(name);
            if (service != null) {
                service.remove(listener);
            }
        }
    }

    @Override
    public boolean isAvailable() {
        return !isDestroy();
    }

    @Override
    protected void doRegister(ServiceInstance instance) {
    }

    @Override
    protected void doUnregister(ServiceInstance instance) {
    }

    @Override
    protected void doDestroy() {
        followed.values().forEach(Followed::close);
        mesh.close();
    }
}
