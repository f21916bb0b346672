package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Service;
import java.lang.reflect.Constructor;
import java.net.URI;
import java.util.concurrent.TimeoutException;
import org.springframework.cloud.gateway.filter.GatewayFilterChain;
import org.springframework.cloud.gateway.filter.GlobalFilter;
import org.springframework.cloud.gateway.support.NotFoundException;
import org.springframework.cloud.gateway.support.ServerWebExchangeUtils;
import org.springframework.http.HttpHeaders;
import org.springframework.http.server.reactive.ServerHttpRequest;
import org.springframework.http.server.reactive.ServerHttpResponse;
import org.springframework.web.server.ResponseStatusException;
import org.springframework.web.server.ServerWebExchange;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;

/** Spring Cloud Gateway for WebFlux: the filters of the load balancer. */
public final class GatewayCalls implements Adapter {
    private final Mesh mesh;

    public GatewayCalls(Mesh mesh) {
        this.mesh = mesh;
    }

    @Override
    public Object before(Object self, Object a, Object b, Object c) {
        ServerWebExchange exchange = (ServerWebExchange) a;
        GatewayFilterChain chain = (GatewayFilterChain) b;
        URI uri = exchange.getAttribute(ServerWebExchangeUtils.GATEWAY_REQUEST_URL_ATTR);
        String prefix = exchange.getAttribute(ServerWebExchangeUtils.GATEWAY_SCHEME_PREFIX_ATTR);
        if (uri == null || uri.getHost() == null || !"lb".equals(uri.getScheme()) && !"lb".equals(prefix)) {
            return null;
        }
        Service service = mesh.service(uri.getHost(), Math.max(uri.getPort(), 0));
        Mono<ServerWebExchange> call = Reactive.decide(service, () -> Lanes.reading(lane -> {
            HttpHeaders headers = exchange.getRequest().getHeaders();
            Plan plan = service.plan(new Call(String.valueOf(exchange.getRequest().getMethod()), uri, name -> Http.header(headers, name), lane));
            ServerWebExchangeUtils.addOriginalRequestUrl(exchange, uri);
            return new GatewayCall(service, plan, exchange, chain, uri).run();
        }), lane -> ((GlobalFilter) self).filter(exchange, chain).thenReturn(exchange));
        return call.then();
    }

    private static final class GatewayCall extends Reactive<ServerWebExchange> {
        private final ServerWebExchange exchange;
        private final GatewayFilterChain chain;
        private final URI uri;

        GatewayCall(Service service, Plan plan, ServerWebExchange exchange, GatewayFilterChain chain, URI uri) {
            super(service, plan);
            this.exchange = exchange;
            this.chain = chain;
            this.uri = uri;
        }

        @Override
        Mono<ServerWebExchange> send(Endpoint endpoint, Plan plan) {
            exchange.getAttributes().put(ServerWebExchangeUtils.GATEWAY_REQUEST_URL_ATTR, Call.at(uri, endpoint, plan));
            ServerWebExchange sent = exchange;
            if (!plan.requestHeaders().isEmpty() || plan.host() != null) {
                ServerHttpRequest request = exchange.getRequest().mutate().headers(h -> Http.edit(h, plan.requestHeaders(), plan.host())).build();
                sent = exchange.mutate().request(request).build();
            }
            if (plan.host() != null) {
                exchange.getAttributes().put(ServerWebExchangeUtils.PRESERVE_HOST_HEADER_ATTRIBUTE, true);
            }
            return chain.filter(sent).thenReturn(exchange);
        }

        @Override
        int status(ServerWebExchange exchange) {
            return Http.status(ServerHttpResponse.class, exchange.getResponse());
        }

        /** A body that was sent is gone. */
        @Override
        boolean repeatable() {
            HttpHeaders headers = exchange.getRequest().getHeaders();
            return !exchange.getResponse().isCommitted() && headers.getContentLength() <= 0 && headers.getFirst("Transfer-Encoding") == null;
        }

        @Override
        Mono<Void> discard(ServerWebExchange exchange) {
            Object connection = exchange.getAttributes().remove(ServerWebExchangeUtils.CLIENT_RESPONSE_CONN_ATTR);
            if (connection instanceof Disposable) {
                ((Disposable) connection).dispose();
            }
            ServerWebExchangeUtils.reset(exchange);
            return Mono.empty();
        }

        @Override
        Mono<ServerWebExchange> answer(Answer answer) {
            ServerHttpResponse response = exchange.getResponse();
            ServerWebExchangeUtils.setAlreadyRouted(exchange);
            response.setRawStatusCode(answer.status());
            answer.headers().forEach((n, v) -> response.getHeaders().set(n, v));
            edited(exchange);
            response.getHeaders().setContentLength(answer.body().length);
            return response.writeWith(Mono.fromSupplier(() -> response.bufferFactory().wrap(answer.body()))).thenReturn(exchange);
        }

        @Override
        ServerWebExchange edited(ServerWebExchange exchange) {
            if (!plan.responseHeaders().isEmpty() && !exchange.getResponse().isCommitted()) {
                Http.edit(exchange.getResponse().getHeaders(), plan.responseHeaders(), null);
            }
            return exchange;
        }

        @Override
        Mono<ServerWebExchange> unavailable(String failure) {
            return Mono.error(NotFoundException.create(false, "Unable to find instance for " + service.name() + ": " + failure));
        }

        @Override
        Throwable late(TimeoutException e) {
            for (Constructor<?> c : ResponseStatusException.class.getConstructors()) {
                Class<?>[] types = c.getParameterTypes();
                if (types.length == 3 && types[0] != int.class && types[2] == Throwable.class) {
                    try {
                        return (Throwable) c.newInstance(Http.status(types[0], 504), e.getMessage(), e);
                    } catch (ReflectiveOperationException unexpected) {
                        return e;
                    }
                }
            }
            return e;
        }
    }
}
