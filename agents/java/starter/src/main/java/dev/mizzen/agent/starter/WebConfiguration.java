package dev.mizzen.agent.starter;

import dev.mizzen.agent.adapters.WebCalls;
import dev.mizzen.agent.bridge.Mesh;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.cloud.client.ServiceInstance;
import org.springframework.cloud.client.loadbalancer.reactive.LoadBalancerClientRequestTransformer;
import org.springframework.cloud.client.loadbalancer.reactive.LoadBalancerRetryPolicy;
import org.springframework.cloud.client.loadbalancer.reactive.ReactiveLoadBalancer;
import org.springframework.cloud.client.loadbalancer.reactive.ReactorLoadBalancerExchangeFilterFunction;
import org.springframework.cloud.client.loadbalancer.reactive.RetryableLoadBalancerExchangeFilterFunction;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.reactive.function.client.ClientRequest;
import org.springframework.web.reactive.function.client.ClientResponse;
import org.springframework.web.reactive.function.client.ExchangeFunction;
import reactor.core.publisher.Mono;

/** WebClient: the filter functions of the load balancer. */
@Configuration(proxyBeanMethods = false)
@ConditionalOnClass(name = {"org.springframework.web.reactive.function.client.WebClient", "reactor.util.retry.Retry"})
public class WebConfiguration {
    @Bean
    public static Following<ReactorLoadBalancerExchangeFilterFunction> mizzenExchangeFilter(ObjectProvider<Starter> starter) {
        return new Following<>(ReactorLoadBalancerExchangeFilterFunction.class, starter, Filter::new);
    }

    @Bean
    public static Following<RetryableLoadBalancerExchangeFilterFunction> mizzenRetryableExchangeFilter(ObjectProvider<Starter> starter) {
        return new Following<>(RetryableLoadBalancerExchangeFilterFunction.class, starter, RetryableFilter::new);
    }

    private static final class Filter extends ReactorLoadBalancerExchangeFilterFunction {
        private final ReactorLoadBalancerExchangeFilterFunction own;
        private final WebCalls calls;

        Filter(ReactorLoadBalancerExchangeFilterFunction own, Mesh mesh) {
            super((ReactiveLoadBalancer.Factory<ServiceInstance>) null, (java.util.List<LoadBalancerClientRequestTransformer>) null);
            this.own = own;
            this.calls = new WebCalls(mesh);
        }

        @Override
        @SuppressWarnings("unchecked")
        public Mono<ClientResponse> filter(ClientRequest request, ExchangeFunction next) {
            Object response = calls.before(own, request, next, null);
            return response != null ? (Mono<ClientResponse>) response : own.filter(request, next);
        }
    }

    private static final class RetryableFilter extends RetryableLoadBalancerExchangeFilterFunction {
        private final RetryableLoadBalancerExchangeFilterFunction own;
        private final WebCalls calls;

        RetryableFilter(RetryableLoadBalancerExchangeFilterFunction own, Mesh mesh) {
            super((LoadBalancerRetryPolicy.Factory) null, null, (java.util.List<LoadBalancerClientRequestTransformer>) null);
            this.own = own;
            this.calls = new WebCalls(mesh);
        }

        @Override
        @SuppressWarnings("unchecked")
        public Mono<ClientResponse> filter(ClientRequest request, ExchangeFunction next) {
            Object response = calls.before(own, request, next, null);
            return response != null ? (Mono<ClientResponse>) response : own.filter(request, next);
        }
    }
}
