package shop;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.lang.reflect.Method;
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
import org.springframework.web.servlet.DispatcherServlet;

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
                case "plain RestTemplate": exchange(new RestTemplate(), url, outcome); break;
                case "plain WebClient": exchange(WebClient.create(), url, outcome); break;
                case "plain Feign": exchange(new feign.Client.Default(null, null), url, outcome); break;
                case "OkHttp": okHttp(url, outcome); break;
                case "Apache4": apache4(url, outcome); break;
                case "Apache5": apache5(url, outcome); break;
                case "registry": registry(url); break;
                case "balancer": outcome.put("instances", ofBalancer(url)); break;
                case "serve": serve(); break;
                default: outcome.put("instances", instances(url));
            }
        } catch (Throwable e) {
            Throwable cause = e;
            while (!(cause instanceof InterruptedIOException) && cause.getCause() != null && cause.getCause() != cause) {
                cause = cause.getCause();
            }
            outcome.put("error", cause.toString());
        }
        return outcome;
    }

    private void rest(String url, Map<String, String> outcome) {
        RestTemplate rest = new RestTemplate();
        rest.getInterceptors().add(Generation.interceptor(own));
        exchange(rest, url, outcome);
    }

    private static void exchange(RestTemplate rest, String url, Map<String, String> outcome) {
        rest.execute(URI.create(url), HttpMethod.GET, request -> request.getHeaders().set("x-user", "ann"), response -> {
            response.getHeaders().forEach((n, v) -> outcome.put(n, String.join(",", v)));
            outcome.put("body", text(response.getBody()));
            return null;
        });
    }

    private void web(String url, Map<String, String> outcome) {
        exchange(WebClient.builder().filter(Generation.filter()).build(), url, outcome);
    }

    private static void exchange(WebClient web, String url, Map<String, String> outcome) {
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
        exchange(Generation.feign(new feign.Client.Default(null, null)), url, outcome);
    }

    private static void exchange(feign.Client client, String url, Map<String, String> outcome) throws Exception {
        Map<String, Collection<String>> headers = new HashMap<>();
        headers.put("x-user", Collections.singletonList("ann"));
        feign.Request request = feign.Request.create(feign.Request.HttpMethod.GET, url, headers, null, StandardCharsets.UTF_8, new feign.RequestTemplate());
        feign.Response response = client.execute(request, new feign.Request.Options());
        response.headers().forEach((n, v) -> outcome.put(n, String.join(",", v)));
        outcome.put("status", String.valueOf(response.status()));
        outcome.put("body", response.body() == null ? "" : text(response.body().asInputStream()));
    }

    private static void okHttp(String url, Map<String, String> outcome) throws Exception {
        try (okhttp3.Response response = new okhttp3.OkHttpClient().newBuilder().build().newCall(new okhttp3.Request.Builder().url(url).header("x-user", "ann").build()).execute()) {
            response.headers().names().forEach(n -> outcome.put(n, response.header(n)));
            outcome.put("body", response.body().string());
        }
    }

    private static void apache4(String url, Map<String, String> outcome) throws Exception {
        org.apache.http.client.methods.HttpGet get = new org.apache.http.client.methods.HttpGet(url);
        get.setHeader("x-user", "ann");
        try (org.apache.http.impl.client.CloseableHttpClient client = org.apache.http.impl.client.HttpClients.createDefault();
                org.apache.http.client.methods.CloseableHttpResponse response = client.execute(get)) {
            for (org.apache.http.Header h : response.getAllHeaders()) {
                outcome.put(h.getName(), h.getValue());
            }
            outcome.put("body", text(response.getEntity().getContent()));
        }
    }

    private static void apache5(String url, Map<String, String> outcome) throws Exception {
        org.apache.hc.client5.http.classic.methods.HttpGet get = new org.apache.hc.client5.http.classic.methods.HttpGet(url);
        get.setHeader("x-user", "ann");
        try (org.apache.hc.client5.http.impl.classic.CloseableHttpClient client = org.apache.hc.client5.http.impl.classic.HttpClients.createDefault()) {
            client.execute(get, response -> {
                for (org.apache.hc.core5.http.Header h : response.getHeaders()) {
                    outcome.put(h.getName(), h.getValue());
                }
                outcome.put("body", text(response.getEntity().getContent()));
                return null;
            });
        }
    }

    /** Serves a request whose handler fails. */
    private static void serve() throws Exception {
        for (Method m : DispatcherServlet.class.getDeclaredMethods()) {
            if (m.getName().equals("doService")) {
                m.setAccessible(true);
                m.invoke(new DispatcherServlet(), Proxy.newProxyInstance(Clients.class.getClassLoader(), new Class<?>[] {m.getParameterTypes()[0]}, (p, method, a) -> {
                    throw new IllegalStateException("the handler fails");
                }), null);
            }
        }
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
