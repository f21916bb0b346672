package dev.mizzen.dubbo;

import org.apache.dubbo.common.URL;
import org.apache.dubbo.registry.client.AbstractServiceDiscoveryFactory;
import org.apache.dubbo.registry.client.ServiceDiscovery;

/** Makes the registry of an address {@code mizzen://}. */
public final class MeshDiscoveryFactory extends AbstractServiceDiscoveryFactory {
    @Override
    protected ServiceDiscovery createDiscovery(URL registry) {
        return new MeshDiscovery(applicationModel, registry);
    }
}
