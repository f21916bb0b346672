package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Mesh;
import java.io.IOException;
import java.net.URI;
import org.springframework.cloud.gateway.filter.GatewayFilterChain;
import org.springframework.cloud.gateway.filter.GlobalFilter;
import org.springframework.cloud.gateway.support.ServerWebExchangeUtils;
import org.springframework.web.server.ServerWebExchange;
import reactor.core.publisher.Mono;

/** The filter of Spring Cloud Gateway for WebFlux that calls. */
public final class EncryptedGateway implements Adapter {
    public EncryptedGateway(Mesh mesh) {
    }

    /** filter(exchange, chain). */
    @Override
    public Object before(Object self, Object a, Object b, Object c) {
        ServerWebExchange exchange = (ServerWebExchange) a;
        URI uri = exchange.getAttribute(ServerWebExchangeUtils.GATEWAY_REQUEST_URL_ATTR);
        try {
            Endpoint endpoint = uri == null ? null : Encrypted.endpoint(uri);
            if (endpoint == null) {
                return null;
            }
            GlobalFilter copy = (GlobalFilter) Copies.of(self, endpoint.tls());
            exchange.getAttributes().put(ServerWebExchangeUtils.GATEWAY_REQUEST_URL_ATTR, Encrypted.address(uri, endpoint));
            return copy.filter(exchange, (GatewayFilterChain) b);
        } catch (IOException e) {
            return Mono.error(e);
        }
    }
}
