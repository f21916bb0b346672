package demo;

import feign.Response;
import feign.Util;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cloud.client.loadbalancer.LoadBalanced;
import org.springframework.cloud.openfeign.EnableFeignClients;
import org.springframework.cloud.openfeign.FeignClient;
import org.springframework.context.annotation.Bean;
import org.springframework.http.HttpEntity;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.ResponseEntity;
import org.springframework.http.client.JdkClientHttpRequestFactory;
import org.springframework.scheduling.annotation.Async;
import org.springframework.scheduling.annotation.EnableAsync;
import org.springframework.stereotype.Component;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestMethod;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.client.HttpStatusCodeException;
import org.springframework.web.client.RestClient;
import org.springframework.web.client.RestTemplate;
import org.springframework.web.reactive.function.client.WebClient;
import org.springframework.web.reactive.function.client.WebClientResponseException;

/** A stock application whose clients have no balancer, and that makes calls on other threads. It depends on nothing of the mesh. */
@SpringBootApplication
@EnableAsync
@EnableFeignClients
@RestController
public class App {
    public static void main(String[] args) {
        SpringApplication.run(App.class, args);
    }

    /** Calls that a test asks for: by CLIENT, or by CLIENT@WAY on other threads. */
    record Call(String client, String method, String url, Map<String, String> headers, String body, int count, int parallel) {
        Map<String, String> sent() {
            return headers == null ? Map.of() : headers;
        }
    }

    /** What the application sees of one call. */
    record Outcome(int status, Map<String, String> headers, String body, String error, double millis) {
    }

    interface Client {
        Outcome call(Call call) throws Exception;
    }

    /** A client of one URL: the URI of a call replaces it. */
    @FeignClient(name = "any", url = "http://localhost")
    interface Any {
        @RequestMapping(method = RequestMethod.GET)
        Response get(URI uri, @RequestHeader Map<String, String> headers);

        @RequestMapping(method = RequestMethod.POST)
        Response post(URI uri, @RequestHeader Map<String, String> headers, @RequestBody String body);
    }

    @Component
    static class Tasks {
        @Async
        public CompletableFuture<Outcome> async(App app, Call call) {
            return CompletableFuture.completedFuture(app.once(call));
        }
    }

    @Bean
    @LoadBalanced
    static RestTemplate balanced() {
        return new RestTemplate();
    }

    private final ExecutorService pool = Executors.newFixedThreadPool(4);
    private final Map<String, Client> clients;
    private final Tasks tasks;

    App(@LoadBalanced RestTemplate balanced, Any feign, Tasks tasks) {
        this.tasks = tasks;
        RestTemplate plain = new RestTemplate(), jdk = new RestTemplate(new JdkClientHttpRequestFactory());
        RestClient rest = RestClient.create();
        WebClient web = WebClient.create();
        HttpClient http = HttpClient.newHttpClient();
        clients = Map.of(
                "balanced", c -> rest(balanced, c),
                "RestTemplate", c -> rest(plain, c),
                "RestTemplate of the JDK", c -> rest(jdk, c),
                "RestClient", c -> rest(rest, c),
                "WebClient", c -> web(web, c),
                "Feign", c -> feign(feign, c),
                "JDK", c -> outcome(http.send(request(c), HttpResponse.BodyHandlers.ofString())),
                "JDK async", c -> outcome(http.sendAsync(request(c), HttpResponse.BodyHandlers.ofString()).get()));
    }

    @PostMapping("/calls")
    List<Outcome> calls(@RequestBody Call call) throws Exception {
        String way = call.client.substring(call.client.indexOf('@') + 1);
        IntStream all = IntStream.range(0, call.count);
        List<CompletableFuture<Outcome>> later;
        switch (way) {
            case "async": later = all.mapToObj(i -> tasks.async(this, call)).toList(); break;
            case "supplyAsync": later = all.mapToObj(i -> CompletableFuture.supplyAsync(() -> once(call))).toList(); break;
            case "thenApplyAsync": later = all.mapToObj(i -> CompletableFuture.runAsync(() -> { }).thenApplyAsync(x -> once(call))).toList(); break;
            case "execute":
                later = all.mapToObj(i -> {
                    CompletableFuture<Outcome> f = new CompletableFuture<>();
                    pool.execute(() -> f.complete(once(call)));
                    return f;
                }).toList();
                break;
            case "stream": return all.parallel().mapToObj(i -> once(call)).toList();
            default: return all.mapToObj(i -> once(call)).toList();
        }
        return later.stream().map(CompletableFuture::join).toList();
    }

    private Outcome once(Call call) {
        long start = System.nanoTime();
        Outcome o;
        try {
            o = clients.get(call.client.split("@")[0]).call(call);
        } catch (Exception e) {
            o = new Outcome(0, Map.of(), null, e.toString(), 0);
        }
        return new Outcome(o.status, o.headers, o.body, o.error, (System.nanoTime() - start) / 1e6);
    }

    private static Outcome outcome(int status, Map<String, List<String>> headers, String body) {
        Map<String, String> first = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        headers.forEach((name, values) -> first.put(name, values.get(0)));
        return new Outcome(status, first, body, null, 0);
    }

    private static Outcome outcome(HttpResponse<String> response) {
        return outcome(response.statusCode(), response.headers().map(), response.body());
    }

    private static HttpRequest request(Call call) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(call.url));
        call.sent().forEach(request::header);
        return request.method(call.method, call.body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(call.body)).build();
    }

    private static Map<String, List<String>> map(HttpHeaders headers) {
        Map<String, List<String>> map = new TreeMap<>();
        headers.forEach(map::put);
        return map;
    }

    private static Outcome rest(RestTemplate client, Call call) {
        HttpHeaders headers = new HttpHeaders();
        call.sent().forEach(headers::set);
        try {
            ResponseEntity<String> r = client.exchange(URI.create(call.url), HttpMethod.valueOf(call.method), new HttpEntity<>(call.body, headers), String.class);
            return outcome(r.getStatusCode().value(), map(r.getHeaders()), r.getBody());
        } catch (HttpStatusCodeException e) {
            return outcome(e.getStatusCode().value(), map(e.getResponseHeaders()), e.getResponseBodyAsString());
        }
    }

    private static Outcome rest(RestClient client, Call call) {
        RestClient.RequestBodySpec request = client.method(HttpMethod.valueOf(call.method)).uri(URI.create(call.url)).headers(h -> call.sent().forEach(h::set));
        if (call.body != null) {
            request.body(call.body);
        }
        return request.exchange((sent, r) -> outcome(r.getStatusCode().value(), map(r.getHeaders()), new String(r.getBody().readAllBytes(), StandardCharsets.UTF_8)));
    }

    private static Outcome web(WebClient client, Call call) {
        WebClient.RequestBodySpec request = client.method(HttpMethod.valueOf(call.method)).uri(URI.create(call.url)).headers(h -> call.sent().forEach(h::set));
        if (call.body != null) {
            request.bodyValue(call.body);
        }
        try {
            ResponseEntity<String> r = request.retrieve().toEntity(String.class).block();
            return outcome(r.getStatusCode().value(), map(r.getHeaders()), r.getBody());
        } catch (WebClientResponseException e) {
            return outcome(e.getStatusCode().value(), map(e.getHeaders()), e.getResponseBodyAsString());
        }
    }

    private static Outcome feign(Any client, Call call) throws Exception {
        URI uri = URI.create(call.url);
        try (Response r = call.method.equals("POST") ? client.post(uri, call.sent(), call.body) : client.get(uri, call.sent())) {
            Map<String, List<String>> headers = new TreeMap<>();
            r.headers().forEach((name, values) -> headers.put(name, List.copyOf(values)));
            return outcome(r.status(), headers, r.body() == null ? null : Util.toString(r.body().asReader(StandardCharsets.UTF_8)));
        }
    }
}
