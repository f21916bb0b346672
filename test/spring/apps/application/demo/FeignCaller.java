package demo;

import feign.Response;
import feign.Util;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.springframework.cloud.openfeign.FeignClient;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestMethod;

@Configuration
class FeignCaller {
    /** A client of any service: the URI of a call replaces the name. */
    @FeignClient("any")
    interface Any {
        @RequestMapping(method = RequestMethod.GET)
        Response get(URI uri, @RequestHeader Map<String, String> headers);

        @RequestMapping(method = RequestMethod.DELETE)
        Response delete(URI uri, @RequestHeader Map<String, String> headers);

        @RequestMapping(method = RequestMethod.POST)
        Response post(URI uri, @RequestHeader Map<String, String> headers, @RequestBody String body);

        @RequestMapping(method = RequestMethod.PUT)
        Response put(URI uri, @RequestHeader Map<String, String> headers, @RequestBody String body);
    }

    @Bean
    Caller feignCalls(Any client) {
        return new Caller() {
            public String name() {
                return "Feign";
            }

            public void call(Call call, Outcome outcome) throws Exception {
                try (Response response = send(call)) {
                    outcome.status = response.status();
                    response.headers().forEach((name, values) -> outcome.headers.put(name, values.iterator().next()));
                    outcome.body = response.body() == null ? null : Util.toString(response.body().asReader(StandardCharsets.UTF_8));
                }
            }

            private Response send(Call call) {
                URI uri = URI.create(call.url);
                switch (call.method) {
                    case "GET":
                        return client.get(uri, call.headers);
                    case "DELETE":
                        return client.delete(uri, call.headers);
                    case "POST":
                        return client.post(uri, call.headers, call.body);
                    case "PUT":
                        return client.put(uri, call.headers, call.body);
                    default:
                        throw new IllegalArgumentException(call.method);
                }
            }
        };
    }
}
