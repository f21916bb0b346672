package dev.mizzen.agent.starter;

import dev.mizzen.agent.adapters.Discovery;
import dev.mizzen.agent.adapters.ReactiveDiscovery;
import dev.mizzen.agent.bridge.Mesh;
import java.util.List;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.cloud.client.ServiceInstance;
import org.springframework.cloud.client.discovery.composite.CompositeDiscoveryClient;
import org.springframework.cloud.client.discovery.composite.reactive.ReactiveCompositeDiscoveryClient;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import reactor.core.publisher.Flux;

/** The clients that ask all registries of the application. */
@Configuration(proxyBeanMethods = false)
public class DiscoveryConfiguration {
    @Bean
    public static Following<CompositeDiscoveryClient> mizzenDiscoveryClient(ObjectProvider<Starter> starter) {
        return new Following<>(CompositeDiscoveryClient.class, starter, Composite::new);
    }

    /** With Reactor. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(name = "reactor.core.publisher.Flux")
    public static class Reactive {
        @Bean
        public static Following<ReactiveCompositeDiscoveryClient> mizzenReactiveDiscoveryClient(ObjectProvider<Starter> starter) {
            return new Following<>(ReactiveCompositeDiscoveryClient.class, starter, ReactiveComposite::new);
        }
    }

    private static final class Composite extends CompositeDiscoveryClient {
        private final CompositeDiscoveryClient own;
        private final Discovery discovery;

        Composite(CompositeDiscoveryClient own, Mesh mesh) {
            super(own.getDiscoveryClients());
            this.own = own;
            this.discovery = new Discovery(mesh);
            discovery.after(null, own, null, null); // it is the registry
        }

        @Override
        @SuppressWarnings("unchecked")
        public List<ServiceInstance> getInstances(String service) {
            return (List<ServiceInstance>) discovery.after(own.getInstances(service), own, service, null);
        }

        @Override
        @SuppressWarnings("unchecked")
        public List<String> getServices() {
            return (List<String>) discovery.after(own.getServices(), own, null, null);
        }
    }

    private static final class ReactiveComposite extends ReactiveCompositeDiscoveryClient {
        private final ReactiveCompositeDiscoveryClient own;
        private final ReactiveDiscovery discovery;

        ReactiveComposite(ReactiveCompositeDiscoveryClient own, Mesh mesh) {
            super(own.getDiscoveryClients());
            this.own = own;
            this.discovery = new ReactiveDiscovery(mesh);
            discovery.after(null, own, null, null); // it is the registry
        }

        @Override
        @SuppressWarnings("unchecked")
        public Flux<ServiceInstance> getInstances(String service) {
            return (Flux<ServiceInstance>) discovery.after(own.getInstances(service), own, service, null);
        }

        @Override
        @SuppressWarnings("unchecked")
        public Flux<String> getServices() {
            return (Flux<String>) discovery.after(own.getServices(), own, null, null);
        }
    }
}
