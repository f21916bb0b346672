package dev.mizzen.agent.starter;

import dev.mizzen.agent.adapters.SpringBalancer;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.cloud.loadbalancer.core.ReactorServiceInstanceLoadBalancer;
import org.springframework.cloud.loadbalancer.support.LoadBalancerClientFactory;
import org.springframework.context.annotation.Bean;
import org.springframework.core.env.Environment;

/** The balancers of one service, for callers that the other configurations do not know, such as Gateway for WebMVC. */
public class BalancersOfService {
    @Bean
    public static Following<ReactorServiceInstanceLoadBalancer> mizzenBalancer(ObjectProvider<Starter> starter, Environment environment) {
        return new Following<>(ReactorServiceInstanceLoadBalancer.class, starter, (own, mesh) -> (ReactorServiceInstanceLoadBalancer) new SpringBalancer(mesh)
                .after(own, null, LoadBalancerClientFactory.getName(environment), ReactorServiceInstanceLoadBalancer.class));
    }
}
