package demo;

import org.springframework.cloud.client.loadbalancer.LoadBalanced;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpEntity;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.ResponseEntity;
import org.springframework.web.client.HttpStatusCodeException;
import org.springframework.web.client.RestTemplate;

@Configuration
class RestTemplateCaller {
    @Bean
    @LoadBalanced
    RestTemplate restTemplate() {
        return new RestTemplate();
    }

    @Bean
    Caller restTemplateCalls(@LoadBalanced RestTemplate client) {
        return new Caller() {
            public String name() {
                return "RestTemplate";
            }

            public void call(Call call, Outcome outcome) {
                HttpHeaders headers = new HttpHeaders();
                call.headers.forEach(headers::set);
                try {
                    ResponseEntity<String> response = client.exchange(java.net.URI.create(call.url), HttpMethod.valueOf(call.method),
                            new HttpEntity<>(call.body, headers), String.class);
                    outcome.status = response.getStatusCode().value();
                    response.getHeaders().forEach((name, values) -> outcome.headers.put(name, values.get(0)));
                    outcome.body = response.getBody();
                } catch (HttpStatusCodeException e) {
                    outcome.status = e.getStatusCode().value();
                    e.getResponseHeaders().forEach((name, values) -> outcome.headers.put(name, values.get(0)));
                    outcome.body = e.getResponseBodyAsString();
                }
            }
        };
    }
}
