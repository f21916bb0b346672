package demo;

import java.nio.charset.StandardCharsets;
import org.springframework.cloud.client.loadbalancer.LoadBalanced;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpMethod;
import org.springframework.web.client.RestClient;

/** Not in Boot 2. */
@Configuration
class RestClientCaller {
    @Bean
    @LoadBalanced
    RestClient.Builder restClientBuilder() {
        return RestClient.builder();
    }

    @Bean
    Caller restClientCalls(@LoadBalanced RestClient.Builder builder) {
        return new Caller() {
            private RestClient client;

            public String name() {
                return "RestClient";
            }

            /** The builder is load-balanced once all beans are there, so the client is made at the first call. */
            private synchronized RestClient client() {
                if (client == null) {
                    client = builder.build();
                }
                return client;
            }

            public void call(Call call, Outcome outcome) {
                RestClient.RequestBodySpec request = client().method(HttpMethod.valueOf(call.method)).uri(java.net.URI.create(call.url))
                        .headers(h -> call.headers.forEach(h::set));
                if (call.body != null) {
                    request.body(call.body);
                }
                request.exchange((sent, response) -> {
                    outcome.status = response.getStatusCode().value();
                    response.getHeaders().forEach((name, values) -> outcome.headers.put(name, values.get(0)));
                    outcome.body = new String(response.getBody().readAllBytes(), StandardCharsets.UTF_8);
                    return null;
                });
            }
        };
    }
}
