package dev.mizzen.agent.starter;

import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.cloud.loadbalancer.annotation.LoadBalancerClientSpecification;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Spring Cloud LoadBalancer, which has a context for each service: each gets {@link BalancersOfService}. */
@Configuration(proxyBeanMethods = false)
@ConditionalOnClass(name = "org.springframework.cloud.loadbalancer.core.ReactorServiceInstanceLoadBalancer")
public class BalancerConfiguration {
    @Bean
    public static LoadBalancerClientSpecification mizzenBalancers() {
        return new LoadBalancerClientSpecification("default." + BalancersOfService.class.getName(), new Class<?>[] {BalancersOfService.class});
    }
}
