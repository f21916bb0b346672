package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Service;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** The same as {@link Discovery} for the client that does not block. */
public final class ReactiveDiscovery implements Adapter {
    private final Mesh mesh;

    public ReactiveDiscovery(Mesh mesh) {
        this.mesh = mesh;
    }

    @Override
    public Object after(Object result, Object self, Object a, Object b) {
        if (result == null) {
            Registry.use(self);
            return null;
        }
        if (Discovery.ofBalancer()) {
            return result;
        }
        if (a instanceof String) {
            Service service = mesh.service((String) a, 0);
            Mono<Service.Presence> settled = Mono.defer(() -> Mono.fromFuture(service.settled().toCompletableFuture()));
            Flux<?> registry = (Flux<?>) result;
            return settled.flatMapMany(p -> registry.collectList().flatMapIterable(own -> Discovery.instances(service, (String) a, own)));
        }
        return ((Flux<?>) result).collectList().flatMapIterable(own -> Discovery.services(mesh, own));
    }
}
