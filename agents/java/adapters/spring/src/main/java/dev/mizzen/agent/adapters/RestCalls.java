package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Bridge;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.HeaderEdits;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Service;
import java.io.IOException;
import java.net.URI;
import java.util.Collections;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpRequest;
import org.springframework.http.client.ClientHttpRequest;
import org.springframework.http.client.ClientHttpRequestExecution;
import org.springframework.http.client.ClientHttpRequestFactory;
import org.springframework.http.client.ClientHttpRequestInterceptor;
import org.springframework.http.client.ClientHttpResponse;
import org.springframework.http.client.InterceptingClientHttpRequestFactory;
import org.springframework.http.client.support.HttpRequestWrapper;

/** RestTemplate and RestClient: the interceptors of the load balancer, and the request factories of clients without one. */
public final class RestCalls implements Adapter {
    private final Mesh mesh;

    public RestCalls(Mesh mesh) {
        this.mesh = mesh;
    }

    @Override
    public Object before(Object self, Object a, Object b, Object c) throws IOException {
        if (a instanceof URI) {
            return plain((ClientHttpRequestFactory) self, (URI) a, (HttpMethod) b);
        }
        HttpRequest request = (HttpRequest) a;
        ClientHttpRequestExecution execution = (ClientHttpRequestExecution) c;
        ClientHttpResponse response = routed(request, (byte[]) b, execution);
        return response != null || request.getURI().getPort() < 0 ? response : ofRegistry((ClientHttpRequestInterceptor) self, request, (byte[]) b, execution);
    }

    /** A call of a port that the mesh does not know. Balancers of old trains are not told the port, and would take the service that the mesh knows without it. */
    private static ClientHttpResponse ofRegistry(ClientHttpRequestInterceptor own, HttpRequest request, byte[] body, ClientHttpRequestExecution execution) throws IOException {
        return Blocking.call(() -> Bridge.untouched(() -> own.intercept(request, body, (r, sent) -> Blocking.call(() -> Bridge.hooked(() -> execution.execute(r, sent))))));
    }

    /** The request of a client without a balancer, if the mesh decides it. Its interceptors have run when the request is made. */
    private ClientHttpRequest plain(ClientHttpRequestFactory factory, URI uri, HttpMethod method) throws IOException {
        Service service = Call.plain(mesh, uri);
        if (service == null || !Call.meshed(service, uri.getHost(), service.await())) {
            return null;
        }
        return new InterceptingClientHttpRequestFactory(factory, Collections.singletonList((request, body, execution) -> {
            ClientHttpResponse response = routed(request, body, execution);
            return response != null ? response : execution.execute(request, body);
        })).createRequest(uri, method);
    }

    private ClientHttpResponse routed(HttpRequest request, byte[] body, ClientHttpRequestExecution execution) throws IOException {
        URI uri = request.getURI();
        if (uri.getHost() == null) {
            return null;
        }
        Service service = mesh.service(uri.getHost(), Math.max(uri.getPort(), 0));
        HttpHeaders headers = request.getHeaders();
        Call call = new Call(String.valueOf(request.getMethod()), uri, name -> Http.header(headers, name));
        if (!Call.meshed(service, uri.getHost(), service.await())) {
            HeaderEdits lane = mesh.laneHeaders(call);
            if (!lane.isEmpty()) {
                Http.edit(headers, lane, null);
            }
            return null;
        }
        Plan plan = service.plan(call);
        return new RestCall(uri.getHost(), service, plan, request, body, execution).runAndMirror();
    }

    private static final class RestCall extends ClientCall {
        private final HttpRequest request;
        private final byte[] body;
        private final ClientHttpRequestExecution execution;

        RestCall(String name, Service service, Plan plan, HttpRequest request, byte[] body, ClientHttpRequestExecution execution) {
            super(name, service, plan);
            this.request = request;
            this.body = body;
            this.execution = execution;
        }

        /** The copies follow the call: an execution must not run twice at the same time. */
        ClientHttpResponse runAndMirror() throws IOException {
            try {
                return run();
            } finally {
                mirror();
            }
        }

        @Override
        ClientHttpResponse send(Endpoint endpoint, Plan plan, int connectMillis, int readMillis) throws IOException {
            URI uri = Call.at(request.getURI(), endpoint, plan);
            HttpHeaders headers = plan.requestHeaders().isEmpty() && plan.host() == null ? request.getHeaders()
                    : Http.edited(request.getHeaders(), plan.requestHeaders(), plan.host());
            return execution.execute(new HttpRequestWrapper(request) {
                @Override
                public URI getURI() {
                    return uri;
                }

                @Override
                public HttpHeaders getHeaders() {
                    return headers;
                }
            }, body);
        }

        @Override
        ClientHttpResponse unavailable(String failure) {
            throw new IllegalStateException("No instances available for " + name + ": " + failure);
        }
    }
}
