package dev.mizzen.agent.starter;

import dev.mizzen.agent.adapters.ReactiveLane;
import dev.mizzen.agent.bridge.Mesh;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import reactor.core.publisher.Mono;

/** The lanes of requests that WebFlux serves. */
@Configuration(proxyBeanMethods = false)
@ConditionalOnClass(name = {"org.springframework.web.server.WebFilter", "reactor.core.publisher.Mono"})
public class ReactiveLaneConfiguration {
    @Bean
    public static LaneFilter mizzenLaneWebFilter(Starter starter) {
        return new LaneFilter(starter.mesh());
    }

    static final class LaneFilter implements WebFilter, Ordered {
        private final ReactiveLane lane;

        LaneFilter(Mesh mesh) {
            lane = mesh == null ? null : new ReactiveLane(mesh);
        }

        @Override
        public int getOrder() {
            return HIGHEST_PRECEDENCE;
        }

        @Override
        @SuppressWarnings("unchecked")
        public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
            Mono<Void> own = chain.filter(exchange);
            return lane == null ? own : (Mono<Void>) lane.after(own, null, exchange.getRequest(), null);
        }
    }
}
