package dev.mizzen.agent.starter;

import dev.mizzen.agent.adapters.Connections;
import dev.mizzen.agent.adapters.RestCalls;
import dev.mizzen.agent.bridge.Mesh;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.util.ArrayList;
import java.util.List;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.cloud.client.loadbalancer.LoadBalancerInterceptor;
import org.springframework.cloud.client.loadbalancer.RetryLoadBalancerInterceptor;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpRequest;
import org.springframework.http.client.ClientHttpRequestExecution;
import org.springframework.http.client.ClientHttpRequestFactory;
import org.springframework.http.client.ClientHttpRequestInterceptor;
import org.springframework.http.client.ClientHttpResponse;
import org.springframework.http.client.SimpleClientHttpRequestFactory;
import org.springframework.util.ReflectionUtils;
import org.springframework.web.client.RestTemplate;

/** RestTemplate and RestClient: the interceptors of the load balancer. */
@Configuration(proxyBeanMethods = false)
@ConditionalOnClass(name = "org.springframework.web.client.RestTemplate")
public class RestConfiguration {
    @Bean
    public static Following<LoadBalancerInterceptor> mizzenInterceptor(ObjectProvider<Starter> starter) {
        return new Following<>(LoadBalancerInterceptor.class, starter, Interceptor::new);
    }

    @Bean
    public static Following<RestTemplate> mizzenRestTemplate(ObjectProvider<Starter> starter) {
        return new Following<>(RestTemplate.class, starter, RestConfiguration::connecting);
    }

    /** With Spring Retry. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(name = "org.springframework.retry.support.RetryTemplate")
    public static class Retry {
        @Bean
        public static Following<RetryLoadBalancerInterceptor> mizzenRetryInterceptor(ObjectProvider<Starter> starter) {
            return new Following<>(RetryLoadBalancerInterceptor.class, starter, RetryInterceptor::new);
        }
    }

    private static final class Interceptor extends LoadBalancerInterceptor {
        private final LoadBalancerInterceptor own;
        private final RestCalls calls;

        Interceptor(LoadBalancerInterceptor own, Mesh mesh) {
            super(null, null);
            this.own = own;
            this.calls = new RestCalls(mesh);
        }

        @Override
        public ClientHttpResponse intercept(HttpRequest request, byte[] body, ClientHttpRequestExecution execution) throws IOException {
            Object response = calls.before(own, request, body, execution);
            return response != null ? (ClientHttpResponse) response : own.intercept(request, body, execution);
        }
    }

    private static final class RetryInterceptor extends RetryLoadBalancerInterceptor {
        private final RetryLoadBalancerInterceptor own;
        private final RestCalls calls;

        RetryInterceptor(RetryLoadBalancerInterceptor own, Mesh mesh) {
            super(null, null, null, null);
            this.own = own;
            this.calls = new RestCalls(mesh);
        }

        @Override
        public ClientHttpResponse intercept(HttpRequest request, byte[] body, ClientHttpRequestExecution execution) throws IOException {
            Object response = calls.before(own, request, body, execution);
            return response != null ? (ClientHttpResponse) response : own.intercept(request, body, execution);
        }
    }

    /** Gives a RestTemplate that uses HttpURLConnection the adapter for it. Without its interceptors a RestTemplate tells its own factory. */
    private static RestTemplate connecting(RestTemplate template, Mesh mesh) {
        List<ClientHttpRequestInterceptor> interceptors = template.getInterceptors(), all = new ArrayList<>(interceptors);
        interceptors.clear();
        ClientHttpRequestFactory factory = template.getRequestFactory();
        if (factory.getClass() == SimpleClientHttpRequestFactory.class) {
            Connecting connecting = new Connecting(mesh);
            ReflectionUtils.shallowCopyFieldState(factory, connecting);
            template.setRequestFactory(connecting);
        }
        interceptors.addAll(all);
        return template;
    }

    private static final class Connecting extends SimpleClientHttpRequestFactory {
        private final Connections connections;

        Connecting(Mesh mesh) {
            connections = new Connections(mesh);
        }

        @Override
        protected void prepareConnection(HttpURLConnection connection, String method) throws IOException {
            super.prepareConnection(connection, method);
            connections.after(null, this, connection, method);
        }
    }
}
