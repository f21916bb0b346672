package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.Bridge;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.HeaderEdits;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Service;
import feign.Client;
import feign.Request;
import feign.Response;
import java.io.IOException;
import java.lang.reflect.Method;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Collections;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** OpenFeign: the clients that balance, and those that do not. */
public final class FeignCalls implements Adapter {
    private final Mesh mesh;
    /** What a client that balances sends its calls by; null for a client that does not balance. */
    private final ClassValue<Method> delegate = new ClassValue<Method>() {
        @Override
        protected Method computeValue(Class<?> type) {
            try {
                return type.getMethod("getDelegate");
            } catch (NoSuchMethodException e) {
                return null;
            }
        }
    };

    public FeignCalls(Mesh mesh) {
        this.mesh = mesh;
    }

    @Override
    public Object before(Object self, Object a, Object b, Object c) throws Exception {
        Request request = (Request) a;
        URI uri = URI.create(request.url());
        if (uri.getHost() == null) {
            return null;
        }
        Method sender = delegate.get(self.getClass());
        Service service = sender == null ? Call.plain(mesh, uri) : mesh.service(uri.getHost(), Math.max(uri.getPort(), 0));
        if (service == null) {
            return null;
        }
        Call routed = new Call(request.httpMethod().name(), uri, name -> header(request.headers(), name));
        if (!Call.meshed(service, uri.getHost(), service.await())) {
            if (sender == null) {
                return null;
            }
            HeaderEdits lane = mesh.laneHeaders(routed);
            return lane.isEmpty() && uri.getPort() < 0 ? null : Bridge.untouched(() -> ((Client) self).execute(request(request, request.url(), new HeaderMap(request.headers()).edit(lane)), (Request.Options) b));
        }
        Plan plan = service.plan(routed);
        FeignCall call = new FeignCall(uri.getHost(), service, plan, request, uri, (Request.Options) b, (Client) (sender == null ? self : sender.invoke(self)));
        call.mirror();
        return call.run();
    }

    static Request request(Request request, String url, Map<String, Collection<String>> headers) {
        return Request.create(request.httpMethod(), url, headers, request.body(), request.charset(), request.requestTemplate());
    }

    private static String header(Map<String, Collection<String>> headers, String name) {
        for (Map.Entry<String, Collection<String>> e : headers.entrySet()) {
            if (e.getKey().equalsIgnoreCase(name)) {
                return HeaderMap.joined(e.getValue());
            }
        }
        return null;
    }

    private static final class FeignCall extends Blocking<Response> {
        private final Request request;
        private final URI uri;
        private final Request.Options options;
        private final Client client;

        FeignCall(String name, Service service, Plan plan, Request request, URI uri, Request.Options options, Client client) {
            super(name, service, plan);
            this.request = request;
            this.uri = uri;
            this.options = options;
            this.client = client;
        }

        @Override
        Response send(Endpoint endpoint, Plan plan, int connectMillis, int readMillis) throws IOException {
            Map<String, Collection<String>> headers = request.headers();
            if (!plan.requestHeaders().isEmpty() || plan.host() != null) {
                HeaderMap edited = new HeaderMap(headers).edit(plan.requestHeaders());
                if (plan.host() != null) {
                    edited.set("Host", plan.host());
                }
                headers = edited;
            }
            return client.execute(request(request, Call.at(uri, endpoint, plan).toString(), headers), limited(connectMillis, readMillis));
        }

        private Request.Options limited(int connectMillis, int readMillis) {
            int connect = Connections.shorter(Connections.shorter(options.connectTimeoutMillis(), connectMillis), readMillis);
            int read = Connections.shorter(options.readTimeoutMillis(), readMillis);
            if (connect == options.connectTimeoutMillis() && read == options.readTimeoutMillis()) {
                return options;
            }
            return new Request.Options(connect, TimeUnit.MILLISECONDS, read, TimeUnit.MILLISECONDS, options.isFollowRedirects());
        }

        @Override
        int status(Response response) {
            return response.status();
        }

        @Override
        void discard(Response response) {
            response.close();
        }

        @Override
        Response answer(Answer answer) {
            HeaderMap headers = new HeaderMap();
            answer.headers().forEach(headers::set);
            return response(answer.status(), headers, answer.body());
        }

        @Override
        Response edited(Response response) {
            if (plan.responseHeaders().isEmpty()) {
                return response;
            }
            return response.toBuilder().headers(new HeaderMap(response.headers()).edit(plan.responseHeaders())).build();
        }

        @Override
        Response unavailable(String failure) {
            String text = "Load balancer does not contain an instance for the service " + name + ": " + failure;
            return response(503, Collections.emptyMap(), text.getBytes(StandardCharsets.UTF_8));
        }

        private Response response(int status, Map<String, Collection<String>> headers, byte[] body) {
            return Response.builder().status(status).reason("").request(request).headers(headers).body(body).build();
        }
    }
}
