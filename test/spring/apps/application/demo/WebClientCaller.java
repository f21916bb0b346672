package demo;

import org.springframework.cloud.client.loadbalancer.LoadBalanced;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpMethod;
import org.springframework.http.ResponseEntity;
import org.springframework.web.reactive.function.client.WebClient;
import org.springframework.web.reactive.function.client.WebClientResponseException;

@Configuration
class WebClientCaller {
    @Bean
    @LoadBalanced
    WebClient.Builder webClientBuilder() {
        return WebClient.builder();
    }

    @Bean
    Caller webClientCalls(@LoadBalanced WebClient.Builder builder) {
        return new Caller() {
            private WebClient client;

            public String name() {
                return "WebClient";
            }

            /** The builder is load-balanced once all beans are there, so the client is made at the first call. */
            private synchronized WebClient client() {
                if (client == null) {
                    client = builder.build();
                }
                return client;
            }

            public void call(Call call, Outcome outcome) {
                WebClient.RequestBodySpec request = client().method(HttpMethod.valueOf(call.method)).uri(java.net.URI.create(call.url))
                        .headers(h -> call.headers.forEach(h::set));
                if (call.body != null) {
                    request.bodyValue(call.body);
                }
                try {
                    ResponseEntity<String> response = request.retrieve().toEntity(String.class).block();
                    outcome.status = response.getStatusCode().value();
                    response.getHeaders().forEach((name, values) -> outcome.headers.put(name, values.get(0)));
                    outcome.body = response.getBody();
                } catch (WebClientResponseException e) {
                    outcome.status = e.getStatusCode().value();
                    e.getHeaders().forEach((name, values) -> outcome.headers.put(name, values.get(0)));
                    outcome.body = e.getResponseBodyAsString();
                }
            }
        };
    }
}
