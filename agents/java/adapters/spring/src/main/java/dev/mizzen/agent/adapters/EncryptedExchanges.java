package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Mesh;
import java.io.IOException;
import java.net.URI;
import java.util.function.Function;
import org.springframework.http.HttpMethod;
import org.springframework.http.client.reactive.ClientHttpConnector;
import org.springframework.http.client.reactive.ClientHttpRequest;
import reactor.core.publisher.Mono;

/** The connectors of WebClient. */
public final class EncryptedExchanges implements Adapter {
    public EncryptedExchanges(Mesh mesh) {
    }

    /** connect(method, uri, callback). */
    @Override
    @SuppressWarnings("unchecked")
    public Object before(Object self, Object a, Object b, Object c) {
        try {
            Endpoint endpoint = Encrypted.endpoint((URI) b);
            return endpoint == null ? null : ((ClientHttpConnector) Copies.of(self, endpoint.tls())).connect((HttpMethod) a, Encrypted.address((URI) b, endpoint),
                    (Function<? super ClientHttpRequest, Mono<Void>>) c);
        } catch (IOException e) {
            return Mono.error(e);
        }
    }
}
