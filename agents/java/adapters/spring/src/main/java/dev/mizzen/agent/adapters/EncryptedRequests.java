package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Tls;
import java.io.IOException;
import java.net.URI;
import org.springframework.http.HttpMethod;
import org.springframework.http.client.ClientHttpRequestFactory;
import org.springframework.http.client.SimpleClientHttpRequestFactory;

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
        ClientHttpRequestFactory copy = (ClientHttpRequestFactory) Copies.of(self, tls);
        Connections.ENCRYPTED.set(copy instanceof SimpleClientHttpRequestFactory ? tls : null);
        try {
            Object request = copy.createRequest(Encrypted.address((URI) a, endpoint), (HttpMethod) b);
            if (Connections.ENCRYPTED.get() != null) { // the connection was not seen, and would have other TLS
                throw Encrypted.impossible(copy.getClass().getName(), null);
            }
            return request;
        } finally {
            Connections.ENCRYPTED.remove();
        }
    }
}
