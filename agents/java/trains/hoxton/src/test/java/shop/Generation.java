package shop;

import java.util.Collections;
import org.springframework.cloud.client.loadbalancer.LoadBalancerClient;
import org.springframework.cloud.client.loadbalancer.LoadBalancerInterceptor;
import org.springframework.cloud.client.loadbalancer.LoadBalancerRequestFactory;
import org.springframework.cloud.client.loadbalancer.reactive.ReactorLoadBalancerExchangeFilterFunction;
import org.springframework.cloud.openfeign.loadbalancer.FeignBlockingLoadBalancerClient;
import org.springframework.http.client.ClientHttpRequestInterceptor;
import org.springframework.web.reactive.function.client.ExchangeFilterFunction;

/** What is made in another way by each train. */
final class Generation {
    static ClientHttpRequestInterceptor interceptor(LoadBalancerClient own) {
        return new LoadBalancerInterceptor(own, new LoadBalancerRequestFactory(own, Collections.emptyList()));
    }

    static ExchangeFilterFunction filter() {
        return new ReactorLoadBalancerExchangeFilterFunction(id -> {
            throw new IllegalStateException("own balancer");
        });
    }

    static feign.Client feign(feign.Client client) {
        return new FeignBlockingLoadBalancerClient(client, null);
    }
}
