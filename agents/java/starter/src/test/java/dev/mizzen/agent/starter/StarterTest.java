package dev.mizzen.agent.starter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.cloud.client.discovery.DiscoveryClient;
import org.springframework.cloud.client.discovery.composite.CompositeDiscoveryClient;
import org.springframework.cloud.client.loadbalancer.LoadBalanced;
import org.springframework.cloud.client.loadbalancer.LoadBalancerClient;
import org.springframework.cloud.client.loadbalancer.LoadBalancerInterceptor;
import org.springframework.cloud.client.loadbalancer.LoadBalancerRequestFactory;
import org.springframework.cloud.client.loadbalancer.RetryLoadBalancerInterceptor;
import org.springframework.cloud.client.loadbalancer.reactive.ReactorLoadBalancerExchangeFilterFunction;
import org.springframework.cloud.client.loadbalancer.reactive.RetryableLoadBalancerExchangeFilterFunction;
import org.springframework.cloud.gateway.filter.ReactiveLoadBalancerClientFilter;
import org.springframework.cloud.openfeign.EnableFeignClients;
import org.springframework.cloud.openfeign.FeignClient;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Primary;
import org.springframework.http.client.SimpleClientHttpRequestFactory;
import org.springframework.util.ReflectionUtils;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.client.RestTemplate;
import org.springframework.web.reactive.function.client.WebClient;

/** The life of the mesh in contexts whose control plane is away: the registry answers. test/spring has applications that follow a real one. */
final class StarterTest {
    private static HttpServer provider;

    @Configuration
    @EnableAutoConfiguration
    @EnableFeignClients(clients = Orders.class)
    static class Application {
        @Bean
        @LoadBalanced
        RestTemplate restTemplate() {
            SimpleClientHttpRequestFactory factory = new SimpleClientHttpRequestFactory();
            factory.setReadTimeout(4711);
            return new RestTemplate(factory);
        }

        @Bean
        @LoadBalanced
        WebClient.Builder webClient() {
            return WebClient.builder();
        }
    }

    @FeignClient("orders")
    interface Orders {
        @GetMapping("/")
        feign.Response get();
    }

    /** A bean of the application's own class, which is injected by that class. */
    @Configuration
    static class OwnInterceptor {
        static final class Own extends LoadBalancerInterceptor {
            Own(LoadBalancerClient client, LoadBalancerRequestFactory requests) {
                super(client, requests);
            }
        }

        @Bean
        @Primary
        Own own(LoadBalancerClient client, LoadBalancerRequestFactory requests) {
            return new Own(client, requests);
        }

        @Bean
        Object injected(Own own) {
            return own.toString();
        }
    }

    @Configuration
    @Import({Application.class, OwnInterceptor.class})
    static class Extended {
    }

    @BeforeAll
    static void provide() throws IOException {
        provider = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        provider.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, 2);
            exchange.getResponseBody().write("ok".getBytes());
            exchange.close();
        });
        provider.start();
    }

    @AfterAll
    static void stop() {
        provider.stop(0);
    }

    static String bootstrap(int port) {
        return "{\"xds_servers\": [{\"server_uri\": \"127.0.0.1:" + port + "\", \"channel_creds\": [{\"type\": \"insecure\"}]}], \"node\": {\"id\": \"test\"}}";
    }

    /** The control plane is away. */
    private static final String MESHED = "--GRPC_XDS_BOOTSTRAP_CONFIG=" + bootstrap(1), NO_RETRIES = "--spring.cloud.loadbalancer.retry.enabled=false";

    private static ConfigurableApplicationContext start(Class<?> application, String... properties) {
        SpringApplication app = new SpringApplication(application);
        app.setWebApplicationType(WebApplicationType.REACTIVE);
        List<String> all = new ArrayList<>(Arrays.asList(properties));
        all.add("--spring.cloud.discovery.client.simple.instances.orders[0].uri=http://127.0.0.1:" + provider.getAddress().getPort());
        all.addAll(Arrays.asList("--mizzen.wait=100ms", "--server.port=0", "--server.address=127.0.0.1"));
        return app.run(all.toArray(new String[0]));
    }

    /** The packages of the beans of some types. */
    private static Set<String> packages(ConfigurableApplicationContext context, Class<?>... types) {
        Set<String> packages = new TreeSet<>();
        for (Class<?> type : types) {
            context.getBeansOfType(type).values().forEach(bean -> packages.add(bean.getClass().getPackage().getName()));
        }
        return packages;
    }

    private static long threads() {
        return Thread.getAllStackTraces().keySet().stream().filter(t -> t.getName().startsWith("mizzen")).count();
    }

    /** What is printed while code runs. */
    private static String printed(Runnable code) {
        PrintStream own = System.err;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        System.setErr(new PrintStream(out, true));
        try {
            code.run();
        } finally {
            System.setErr(own);
        }
        return out.toString();
    }

    private static void callsTheRegistry(ConfigurableApplicationContext context) {
        assertEquals("ok", context.getBean(RestTemplate.class).getForObject("http://orders/", String.class));
        assertEquals("ok", context.getBean(WebClient.Builder.class).build().get().uri("http://orders/").retrieve().bodyToMono(String.class).block());
        assertEquals(200, context.getBean(Orders.class).get().status());
        assertEquals(Collections.singletonList("orders"), context.getBean(DiscoveryClient.class).getServices());
        assertEquals(1, context.getBean(DiscoveryClient.class).getInstances("orders").size());
    }

    /** Again and again, as developers' tools start contexts anew. */
    @Test
    void theMeshEndsWithItsContext() throws InterruptedException {
        for (String retries : new String[] {NO_RETRIES, "--spring.cloud.loadbalancer.retry.enabled=true", NO_RETRIES}) {
            try (ConfigurableApplicationContext context = start(Application.class, MESHED, retries)) {
                callsTheRegistry(context);
                assertTrue(threads() >= 2);
                assertTrue(context.getBean(Starter.class).getState().contains("\"orders\""), context.getBean(Starter.class).getState());
                assertEquals(Collections.singleton("dev.mizzen.agent.starter"), packages(context, LoadBalancerInterceptor.class, RetryLoadBalancerInterceptor.class,
                        ReactorLoadBalancerExchangeFilterFunction.class, RetryableLoadBalancerExchangeFilterFunction.class, CompositeDiscoveryClient.class,
                        ReactiveLoadBalancerClientFilter.class));
            }
            long end = System.nanoTime() + 10_000_000_000L;
            while (threads() > 0 && System.nanoTime() < end) {
                Thread.sleep(10);
            }
            assertEquals(0, threads());
        }
    }

    @Test
    void settingsOfTheRequestFactoryAreKept() throws ReflectiveOperationException {
        try (ConfigurableApplicationContext context = start(Application.class, MESHED)) {
            RestTemplate template = context.getBean(RestTemplate.class);
            assertEquals(1, template.getInterceptors().size());
            template.getInterceptors().clear();
            java.lang.reflect.Field timeout = SimpleClientHttpRequestFactory.class.getDeclaredField("readTimeout");
            ReflectionUtils.makeAccessible(timeout);
            assertEquals(4711, timeout.get(template.getRequestFactory()));
            assertNotEquals(SimpleClientHttpRequestFactory.class, template.getRequestFactory().getClass());
        }
    }

    @Test
    void withoutBootstrapNothingIsReplaced() {
        String printed = printed(() -> isStock());
        assertTrue(printed.contains("neither GRPC_XDS_BOOTSTRAP nor GRPC_XDS_BOOTSTRAP_CONFIG is set; the application runs without the mesh"), printed);
    }

    @Test
    void offByASetting() {
        String printed = printed(() -> isStock("--mizzen.agent=off", MESHED));
        assertTrue(printed.contains("mizzen: mizzen-spring-cloud-starter is off by mizzen.agent; the application runs without the mesh\n"), printed);
    }

    @Test
    void settingsOfTheAgentAreNamed() {
        String printed = printed(() -> start(Application.class, MESHED, "--mizzen.plain=on").close());
        assertTrue(printed.contains("mizzen: mizzen.plain has no effect with mizzen-spring-cloud-starter. Use the agent\n"), printed);
        assertFalse(printed.contains("mizzen.lane.threads"), printed);
    }

    private static void isStock(String... properties) {
        try (ConfigurableApplicationContext context = start(Application.class, properties)) {
            callsTheRegistry(context);
            assertEquals(0, threads());
            assertEquals(RetryLoadBalancerInterceptor.class, context.getBean(RetryLoadBalancerInterceptor.class).getClass());
        }
    }

    @Test
    void beansOfTheApplicationsOwnClassesAreLeftAlone() {
        String printed = printed(() -> {
            try (ConfigurableApplicationContext context = start(Extended.class, MESHED, NO_RETRIES)) {
                assertFalse(context.getBean(OwnInterceptor.Own.class) == null);
                callsTheRegistry(context);
            }
        });
        assertTrue(printed.contains("the bean own is a " + OwnInterceptor.Own.class.getName() + ", which cannot be replaced; its calls do not follow the mesh"), printed);
    }
}
