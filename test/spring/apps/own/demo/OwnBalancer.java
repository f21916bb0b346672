package demo;

import java.util.Map;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.cloud.client.DefaultServiceInstance;
import org.springframework.cloud.client.ServiceInstance;
import org.springframework.cloud.client.loadbalancer.DefaultResponse;
import org.springframework.cloud.client.loadbalancer.Request;
import org.springframework.cloud.client.loadbalancer.Response;
import org.springframework.cloud.loadbalancer.annotation.LoadBalancerClients;
import org.springframework.cloud.loadbalancer.core.ReactorServiceInstanceLoadBalancer;
import org.springframework.cloud.loadbalancer.core.ServiceInstanceListSupplier;
import org.springframework.cloud.loadbalancer.support.LoadBalancerClientFactory;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.Environment;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A balancer and a supplier of instances that an application brings itself, for every service. It is on the class path of an application beside its jar. */
@Configuration
@LoadBalancerClients(defaultConfiguration = OwnBalancer.OfService.class)
class OwnBalancer {
    static class OfService {
        @Bean
        ServiceInstanceListSupplier instancesOfService(Environment environment, @Value("${own.port}") int port) {
            String name = environment.getProperty(LoadBalancerClientFactory.PROPERTY_NAME);
            return new ServiceInstanceListSupplier() {
                public String getServiceId() {
                    return name;
                }

                public Flux<java.util.List<ServiceInstance>> get() {
                    return Flux.just(java.util.List.of(new DefaultServiceInstance("own", name, "127.0.0.1", port, false)));
                }
            };
        }

        @Bean
        OwnLoadBalancer balancerOfService(ServiceInstanceListSupplier instances) {
            return new OwnLoadBalancer(instances);
        }
    }

    static class OwnLoadBalancer implements ReactorServiceInstanceLoadBalancer {
        private final ServiceInstanceListSupplier instances;

        OwnLoadBalancer(ServiceInstanceListSupplier instances) {
            this.instances = instances;
        }

        @SuppressWarnings("rawtypes")
        public Mono<Response<ServiceInstance>> choose(Request request) {
            return instances.get().next().map(list -> new DefaultResponse(list.get(0)));
        }
    }

    /** An application that asks for its balancer by a class of its own. */
    @RestController
    static class Own {
        private final LoadBalancerClientFactory balancers;

        Own(LoadBalancerClientFactory balancers) {
            this.balancers = balancers;
        }

        @GetMapping("/own")
        Map<String, Object> own(@RequestParam("service") String service) {
            return Map.of("port", balancers.getInstance(service, OwnLoadBalancer.class).choose(null).block().getServer().getPort());
        }
    }
}
