package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Service;
import java.lang.reflect.Proxy;
import java.net.URI;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeoutException;
import org.springframework.cloud.gateway.filter.GatewayFilterChain;
import org.springframework.cloud.gateway.filter.GlobalFilter;
import org.springframework.cloud.gateway.support.NotFoundException;
import org.springframework.cloud.gateway.support.ServerWebExchangeUtils;
import org.springframework.core.io.buffer.DataBuffer;
import org.springframework.core.io.buffer.DataBufferFactory;
import org.springframework.core.io.buffer.DataBufferUtils;
import org.springframework.http.HttpHeaders;
import org.springframework.http.server.reactive.ServerHttpRequest;
import org.springframework.http.server.reactive.ServerHttpRequestDecorator;
import org.springframework.http.server.reactive.ServerHttpResponse;
import org.springframework.util.LinkedMultiValueMap;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.ServerWebExchangeDecorator;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Spring Cloud Gateway for WebFlux: the filters of the load balancer. */
public final class GatewayCalls implements Adapter {
    /** The longest body that is kept to send it again or to copy it. */
    static final int BUFFER = 64 * 1024;
    /** Other requests may have a body although they say neither its length nor, by HTTP/2, that there is one. */
    private static final Set<String> BODILESS = new HashSet<>(Arrays.asList("GET", "HEAD", "OPTIONS", "DELETE", "TRACE"));

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
        Mono<ServerWebExchange> done = Reactive.decide(uri.getHost(), service, () -> Lanes.reading(lane -> {
            HttpHeaders headers = exchange.getRequest().getHeaders();
            Plan plan = service.plan(new Call(String.valueOf(exchange.getRequest().getMethod()), uri, name -> Http.header(headers, name), lane));
            ServerWebExchangeUtils.addOriginalRequestUrl(exchange, uri);
            return buffered(exchange).flatMap(repeatable -> {
                GatewayCall call = new GatewayCall(uri.getHost(), service, plan, repeatable, chain, uri);
                call.mirror();
                return call.run();
            });
        }), lane -> ((GlobalFilter) self).filter(exchange, chain).thenReturn(exchange));
        return done.then();
    }

    /** The exchange with a body that can be sent again, if there is a small one. */
    private static Mono<ServerWebExchange> buffered(ServerWebExchange exchange) {
        long length = exchange.getRequest().getHeaders().getContentLength();
        if (length <= 0 || length > BUFFER) {
            return Mono.just(exchange);
        }
        return DataBufferUtils.join(exchange.getRequest().getBody()).map(joined -> {
            byte[] body = new byte[joined.readableByteCount()];
            joined.read(body);
            DataBufferUtils.release(joined);
            DataBufferFactory buffers = exchange.getResponse().bufferFactory();
            return exchange.mutate().request(new ServerHttpRequestDecorator(exchange.getRequest()) {
                @Override
                public Flux<DataBuffer> getBody() {
                    return Flux.defer(() -> Flux.just(buffers.wrap(body)));
                }
            }).build();
        }).defaultIfEmpty(exchange);
    }

    private static final class GatewayCall extends Reactive<ServerWebExchange> {
        private final ServerWebExchange exchange;
        private final GatewayFilterChain chain;
        private final URI uri;

        GatewayCall(String name, Service service, Plan plan, ServerWebExchange exchange, GatewayFilterChain chain, URI uri) {
            super(name, service, plan);
            this.exchange = exchange;
            this.chain = chain;
            this.uri = uri;
        }

        /** A copy has attributes and a response of its own. */
        @Override
        Mono<Void> copy(Endpoint endpoint, Plan copy) {
            return repeatable() ? new GatewayCall(name, service, copy, new Copy(exchange), chain, uri).send(endpoint, copy).doOnNext(GatewayCall::hangUp).then() : Mono.empty();
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
            long length = headers.getContentLength();
            return !exchange.getResponse().isCommitted() && length <= BUFFER && headers.getFirst("Transfer-Encoding") == null
                    && (length >= 0 || BODILESS.contains(String.valueOf(exchange.getRequest().getMethod())));
        }

        @Override
        Mono<Void> discard(ServerWebExchange exchange) {
            hangUp(exchange);
            ServerWebExchangeUtils.reset(exchange);
            return Mono.empty();
        }

        private static void hangUp(ServerWebExchange exchange) {
            Object connection = exchange.getAttributes().remove(ServerWebExchangeUtils.CLIENT_RESPONSE_CONN_ATTR);
            if (connection instanceof Disposable) {
                ((Disposable) connection).dispose();
            }
        }

        /** Reads the request to its end. Netty's server otherwise takes the end of this request for that of the next one of the connection, which then waits for ever. */
        private Mono<Void> consumed() {
            return exchange.getRequest().getBody().doOnNext(DataBufferUtils::release).then();
        }

        @Override
        Mono<ServerWebExchange> answer(Answer answer) {
            ServerHttpResponse response = exchange.getResponse();
            ServerWebExchangeUtils.setAlreadyRouted(exchange);
            response.setRawStatusCode(answer.status());
            answer.headers().forEach((n, v) -> response.getHeaders().set(n, v));
            edited(exchange);
            response.getHeaders().setContentLength(answer.body().length);
            return consumed().then(response.writeWith(Mono.fromSupplier(() -> response.bufferFactory().wrap(answer.body())))).thenReturn(exchange);
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
            return consumed().then(Mono.error(NotFoundException.create(false, "Unable to find instance for " + name + ": " + failure)));
        }

        @Override
        Throwable late(TimeoutException e) {
            return Http.failure(504, e);
        }
    }

    /** The exchange of a copy: what the filters write is dropped. */
    private static final class Copy extends ServerWebExchangeDecorator {
        private final Map<String, Object> attributes;
        private final ServerHttpResponse response;

        Copy(ServerWebExchange original) {
            super(original);
            attributes = new HashMap<>(original.getAttributes());
            HttpHeaders headers = new HttpHeaders();
            response = (ServerHttpResponse) Proxy.newProxyInstance(Copy.class.getClassLoader(), new Class<?>[] {ServerHttpResponse.class}, (proxy, method, args) -> {
                switch (method.getName()) {
                    case "getHeaders": return headers;
                    case "getCookies": return new LinkedMultiValueMap<>();
                    case "bufferFactory": return original.getResponse().bufferFactory();
                    default: return method.getReturnType() == boolean.class ? (Object) !method.getName().equals("isCommitted") : method.getReturnType() == Mono.class ? Mono.empty() : null;
                }
            });
        }

        @Override
        public Map<String, Object> getAttributes() {
            return attributes;
        }

        @Override
        public ServerHttpResponse getResponse() {
            return response;
        }
    }
}
