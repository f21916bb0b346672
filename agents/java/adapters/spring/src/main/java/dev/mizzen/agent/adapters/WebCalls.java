package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.HeaderEdits;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Service;
import java.lang.reflect.Method;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.springframework.core.io.buffer.DefaultDataBufferFactory;
import org.springframework.http.HttpHeaders;
import org.springframework.web.reactive.function.BodyExtractors;
import org.springframework.web.reactive.function.client.ClientRequest;
import org.springframework.web.reactive.function.client.ClientResponse;
import org.springframework.web.reactive.function.client.ExchangeFilterFunction;
import org.springframework.web.reactive.function.client.ExchangeFunction;
import org.springframework.web.reactive.function.client.ExchangeStrategies;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** WebClient: the filter functions of the load balancer, and the exchange of clients without one. */
public final class WebCalls implements Adapter {
    private static final Method MUTATE = mutate();
    /** An attribute of requests that have an endpoint. */
    private static final String ROUTED = WebCalls.class.getName();
    private final Mesh mesh;

    public WebCalls(Mesh mesh) {
        this.mesh = mesh;
    }

    @Override
    public Object before(Object self, Object a, Object b, Object c) {
        ClientRequest request = (ClientRequest) a;
        URI uri = request.url();
        boolean plain = b == null;
        ExchangeFunction next = (ExchangeFunction) (plain ? self : b);
        if (uri.getHost() == null || plain && request.attribute(ROUTED).isPresent()) {
            return null;
        }
        Service service = plain ? Call.plain(mesh, uri) : mesh.service(uri.getHost(), Math.max(uri.getPort(), 0));
        if (service == null) {
            return null;
        }
        String thread = mesh.lane();
        return Reactive.decide(uri.getHost(), service, () -> Lanes.reading(lane -> {
            Plan plan = service.plan(call(request, lane == null ? thread : lane));
            WebCall call = new WebCall(uri.getHost(), service, plan, request, next);
            call.mirror();
            return call.run();
        }), lane -> {
            if (plain) {
                return next.exchange(request);
            }
            HeaderEdits edits = mesh.laneHeaders(call(request, lane == null ? thread : lane));
            return ((ExchangeFilterFunction) self).filter(edits.isEmpty() ? request : ClientRequest.from(request).headers(h -> Http.edit(h, edits, null)).build(), next);
        });
    }

    private static Call call(ClientRequest request, String lane) {
        return new Call(request.method().name(), request.url(), name -> header(request, name), lane);
    }

    private static String header(ClientRequest request, String name) {
        String header = Http.header(request.headers(), name);
        if (header != null || !name.equals("cookie") || request.cookies().isEmpty()) {
            return header;
        }
        List<String> cookies = new ArrayList<>();
        request.cookies().forEach((n, values) -> values.forEach(v -> cookies.add(n + "=" + v)));
        return String.join("; ", cookies);
    }

    /** Spring 5.3 and later have it; it keeps the body. */
    private static Method mutate() {
        try {
            return ClientResponse.class.getMethod("mutate");
        } catch (NoSuchMethodException e) {
            return null;
        }
    }

    private static final class WebCall extends Reactive<ClientResponse> {
        private final ClientRequest request;
        private final ExchangeFunction next;

        WebCall(String name, Service service, Plan plan, ClientRequest request, ExchangeFunction next) {
            super(name, service, plan);
            this.request = request;
            this.next = next;
        }

        @Override
        Mono<ClientResponse> send(Endpoint endpoint, Plan plan) {
            ClientRequest.Builder sent = ClientRequest.from(request).url(Call.at(request.url(), endpoint, plan)).attribute(ROUTED, true);
            if (!plan.requestHeaders().isEmpty() || plan.host() != null) {
                sent.headers(h -> Http.edit(h, plan.requestHeaders(), plan.host()));
            }
            return next.exchange(sent.build());
        }

        @Override
        int status(ClientResponse response) {
            return Http.status(ClientResponse.class, response);
        }

        @Override
        Mono<Void> discard(ClientResponse response) {
            return response.releaseBody();
        }

        @Override
        Mono<ClientResponse> answer(Answer answer) {
            ClientResponse.Builder response = ClientResponse.create(answer.status(), ExchangeStrategies.withDefaults());
            answer.headers().forEach(response::header);
            return Mono.just(response.body(Flux.just(new DefaultDataBufferFactory().wrap(answer.body()))).build());
        }

        @Override
        ClientResponse edited(ClientResponse response) {
            if (plan.responseHeaders().isEmpty()) {
                return response;
            }
            HttpHeaders headers = response.headers().asHttpHeaders();
            ClientResponse.Builder edited;
            try {
                edited = MUTATE == null ? ClientResponse.from(response).body(response.body(BodyExtractors.toDataBuffers())) : (ClientResponse.Builder) MUTATE.invoke(response);
            } catch (ReflectiveOperationException e) {
                throw new LinkageError("ClientResponse.mutate", e);
            }
            HttpHeaders wanted = Http.edited(headers, plan.responseHeaders(), null);
            return edited.headers(h -> {
                h.clear();
                Http.fill(h, Http.copy(wanted));
            }).build();
        }

        @Override
        Mono<ClientResponse> unavailable(String failure) {
            String text = "Load balancer does not contain an instance for the service " + name + ": " + failure;
            byte[] body = text.getBytes(StandardCharsets.UTF_8);
            return Mono.just(ClientResponse.create(503, ExchangeStrategies.withDefaults()).body(Flux.just(new DefaultDataBufferFactory().wrap(body))).build());
        }
    }
}
