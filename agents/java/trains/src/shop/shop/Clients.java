package shop;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.lang.reflect.Proxy;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiFunction;
import org.springframework.cloud.client.DefaultServiceInstance;
import org.springframework.cloud.client.ServiceInstance;
import org.springframework.cloud.client.discovery.DiscoveryClient;
import org.springframework.cloud.client.discovery.composite.CompositeDiscoveryClient;
import org.springframework.cloud.client.loadbalancer.LoadBalancerClient;
import org.springframework.cloud.loadbalancer.core.DiscoveryClientServiceInstanceListSupplier;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.web.client.RestTemplate;
import org.springframework.web.reactive.function.client.WebClient;

/** The code of an application: it calls by a client library, and knows nothing of a mesh. */
public final class Clients implements BiFunction<String, String, Map<String, String>> {
    private final LoadBalancerClient own = (LoadBalancerClient) Proxy.newProxyInstance(Clients.class.getClassLoader(), new Class<?>[] {LoadBalancerClient.class}, (p, m, a) -> {
        throw new IllegalStateException("own balancer");
    });
    private CompositeDiscoveryClient discovery;

    @Override
    public Map<String, String> apply(String client, String url) {
        Map<String, String> outcome = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        try {
            switch (client) {
                case "RestTemplate": rest(url, outcome); break;
                case "WebClient": web(url, outcome); break;
                case "Feign": feign(url, outcome); break;
                case "registry": registry(url); break;
                case "balancer": outcome.put("instances", ofBalancer(url)); break;
                default: outcome.put("instances", instances(url));
            }
        } catch (Throwable e) {
            Throwable cause = e;
            while (cause.getCause() != null && cause.getCause() != cause) {
                cause = cause.getCause();
            }
            outcome.put("error", cause.toString());
        }
        return outcome;
    }

    private void rest(String url, Map<String, String> outcome) {
        RestTemplate rest = new RestTemplate();
        rest.getInterceptors().add(Generation.interceptor(own));
        rest.execute(URI.create(url), HttpMethod.GET, request -> request.getHeaders().set("x-user", "ann"), response -> {
            response.getHeaders().forEach((n, v) -> outcome.put(n, String.join(",", v)));
            outcome.put("body", text(response.getBody()));
            return null;
        });
    }

    private void web(String url, Map<String, String> outcome) {
        WebClient web = WebClient.builder().filter(Generation.filter()).build();
        Map<String, String> got = web.get().uri(URI.create(url)).header("x-user", "ann").retrieve().onStatus(s -> true, r -> reactor.core.publisher.Mono.empty())
                .toEntity(String.class).map(e -> {
                    Map<String, String> m = new HashMap<>();
                    HttpHeaders headers = e.getHeaders();
                    headers.forEach((n, v) -> m.put(n, String.join(",", v)));
                    m.put("body", String.valueOf(e.getBody()));
                    return m;
                }).block();
        outcome.putAll(got);
    }

    private void feign(String url, Map<String, String> outcome) throws Exception {
        Map<String, Collection<String>> headers = new HashMap<>();
        headers.put("x-user", Collections.singletonList("ann"));
        feign.Request request = feign.Request.create(feign.Request.HttpMethod.GET, url, headers, null, StandardCharsets.UTF_8, new feign.RequestTemplate());
        feign.Response response = Generation.feign(new feign.Client.Default(null, null)).execute(request, new feign.Request.Options());
        response.headers().forEach((n, v) -> outcome.put(n, String.join(",", v)));
        outcome.put("status", String.valueOf(response.status()));
        outcome.put("body", response.body() == null ? "" : text(response.body().asInputStream()));
    }

    private static String text(InputStream in) throws java.io.IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int c; (c = in.read()) >= 0;) {
            out.write(c);
        }
        return new String(out.toByteArray(), StandardCharsets.UTF_8);
    }

    /** Makes a registry with one instance of every service, at the port. */
    private void registry(String port) {
        DiscoveryClient one = new DiscoveryClient() {
            @Override
            public String description() {
                return "one";
            }

            @Override
            public List<ServiceInstance> getInstances(String service) {
                return new ArrayList<>(Collections.singletonList(new DefaultServiceInstance(service + "-1", service, "127.0.0.1", Integer.parseInt(port), false)));
            }

            @Override
            public List<String> getServices() {
                return Collections.singletonList("registered");
            }
        };
        discovery = new CompositeDiscoveryClient(Collections.singletonList(one));
    }

    /** What a balancer of Spring Cloud LoadBalancer may choose from. It asks on a thread of its own. */
    private String ofBalancer(String service) {
        StandardEnvironment environment = new StandardEnvironment();
        environment.getPropertySources().addFirst(new MapPropertySource("balancer", Collections.singletonMap("loadbalancer.client.name", service)));
        StringBuilder b = new StringBuilder();
        for (ServiceInstance i : new DiscoveryClientServiceInstanceListSupplier(discovery, environment).get().blockFirst()) {
            b.append(i.getHost()).append(':').append(i.getPort());
        }
        return b.toString();
    }

    private String instances(String service) {
        StringBuilder b = new StringBuilder();
        for (ServiceInstance i : discovery.getInstances(service)) {
            b.append(i.getHost()).append(':').append(i.getPort()).append(' ');
        }
        return b + String.join(" ", discovery.getServices());
    }
}
