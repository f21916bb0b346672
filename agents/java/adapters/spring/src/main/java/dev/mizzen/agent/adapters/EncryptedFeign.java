package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Mesh;
import feign.Client;
import feign.Request;
import java.io.IOException;
import java.net.URI;

/** The clients of OpenFeign. */
public final class EncryptedFeign implements Adapter {
    public EncryptedFeign(Mesh mesh) {
    }

    /** execute(request, options). */
    @Override
    public Object before(Object self, Object a, Object b, Object c) throws IOException {
        Request request = (Request) a;
        URI uri = URI.create(request.url());
        Endpoint endpoint = Encrypted.endpoint(uri);
        return endpoint == null ? null : ((Client) Copies.of(self, endpoint.tls())).execute(FeignCalls.request(request, Encrypted.address(uri, endpoint).toString(), request.headers()),
                (Request.Options) b);
    }
}
