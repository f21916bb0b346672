package dev.mizzen.agent.starter;

import dev.mizzen.agent.adapters.GatewayCalls;
import dev.mizzen.agent.bridge.Mesh;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.cloud.gateway.filter.GatewayFilterChain;
import org.springframework.cloud.gateway.filter.ReactiveLoadBalancerClientFilter;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.server.ServerWebExchange;
import reactor.core.publisher.Mono;

/** Spring Cloud Gateway for WebFlux: the filter of the load balancer. */
@Configuration(proxyBeanMethods = false)
@ConditionalOnClass(name = "org.springframework.cloud.gateway.filter.ReactiveLoadBalancerClientFilter")
public class GatewayConfiguration {
    @Bean
    public static Following<ReactiveLoadBalancerClientFilter> mizzenGatewayFilter(ObjectProvider<Starter> starter) {
        return new Following<>(ReactiveLoadBalancerClientFilter.class, starter, Filter::new);
    }

    private static final class Filter extends ReactiveLoadBalancerClientFilter {
        private final ReactiveLoadBalancerClientFilter own;
        private final GatewayCalls calls;

        Filter(ReactiveLoadBalancerClientFilter own, Mesh mesh) {
            super(null, null);
            this.own = own;
            this.calls = new GatewayCalls(mesh);
        }

        @Override
        public int getOrder() {
            return own.getOrder();
        }

        @Override
        @SuppressWarnings("unchecked")
        public Mono<Void> filter(ServerWebExchange exchange, GatewayFilterChain chain) {
            Object done = calls.before(own, exchange, chain, null);
            return done != null ? (Mono<Void>) done : own.filter(exchange, chain);
        }
    }
}
