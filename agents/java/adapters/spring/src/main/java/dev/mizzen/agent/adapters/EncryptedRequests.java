package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Tls;
import java.io.IOException;
import java.net.URI;
import org.springframework.http.HttpMethod;
import org.springframework.http.client.ClientHttpRequestFactory;

/** The request factories of RestTemplate and RestClient. */
public final class EncryptedRequests implements Adapter {
    public EncryptedRequests(Mesh mesh) {
    }

    /** createRequest(uri, method). */
    @Override
    public Object before(Object self, Object a, Object b, Object c) throws IOException {
        Endpoint endpoint = Encrypted.endpoint((URI) a);
        if (endpoint == null) {
            return null;
        }
        Tls tls = endpoint.tls();
        Connections.ENCRYPTED.set(tls);
        try {
            return ((ClientHttpRequestFactory) Copies.of(self, tls)).createRequest(Encrypted.address((URI) a, endpoint), (HttpMethod) b);
        } finally {
            Connections.ENCRYPTED.remove();
        }
    }
}
