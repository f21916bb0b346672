package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Service;
import dev.mizzen.agent.bridge.Tls;
import java.io.IOException;
import java.lang.reflect.Method;
import java.net.URI;
import org.apache.hc.client5.http.config.Configurable;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.CloseableHttpResponse;
import org.apache.hc.client5.http.protocol.HttpClientContext;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.HttpMessage;
import org.apache.hc.core5.http.io.entity.ByteArrayEntity;
import org.apache.hc.core5.http.message.BasicClassicHttpRequest;
import org.apache.hc.core5.http.message.BasicClassicHttpResponse;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.apache.hc.core5.util.Timeout;

/** Apache HttpClient 5, whose calls block. */
public final class Apache5Calls implements Adapter {
    private final Mesh mesh;

    public Apache5Calls(Mesh mesh) {
        this.mesh = mesh;
    }

    @Override
    public Object before(Object self, Object a, Object b, Object c) throws Exception {
        HttpHost target = (HttpHost) a;
        ClassicHttpRequest request = (ClassicHttpRequest) b;
        if (target == null || !mesh.plain(target.getHostName())) {
            return null;
        }
        String path = request.getRequestUri();
        URI uri = URI.create(path.startsWith("/") ? target.toURI() + path : path);
        Service service = RawCall.service(mesh, uri);
        return service == null ? null : new ApacheCall(service, uri, (CloseableHttpClient) self, request, (HttpContext) c).run();
    }

    private static HeaderMap headers(HttpMessage message) {
        HeaderMap headers = new HeaderMap();
        for (Header h : message.getHeaders()) {
            headers.add(h.getName(), h.getValue());
        }
        return headers;
    }

    private static void fill(HttpMessage message, HeaderMap headers) {
        message.setHeaders();
        headers.forEach((name, values) -> values.forEach(v -> message.addHeader(name, v)));
    }

    private static final class ApacheCall extends RawCall<CloseableHttpResponse> {
        private final CloseableHttpClient client;
        private final ClassicHttpRequest request;
        private final HttpContext context;

        ApacheCall(Service service, URI uri, CloseableHttpClient client, ClassicHttpRequest request, HttpContext context) {
            super(service, request.getMethod(), uri, headers(request)::get);
            this.client = client;
            this.request = request;
            this.context = context == null ? HttpClientContext.create() : context;
        }

        @Override
        boolean repeatable() {
            return request.getEntity() == null || request.getEntity().isRepeatable();
        }

        @Override
        CloseableHttpResponse send(Endpoint endpoint, Plan plan, int connectMillis, int readMillis) throws IOException {
            URI at = Call.at(uri, endpoint, plan);
            Tls tls = endpoint.tls();
            HttpHost host = new HttpHost(at.getScheme(), tls == null ? Encrypted.host(endpoint) : endpoint.host(), endpoint.port());
            BasicClassicHttpRequest sent = new BasicClassicHttpRequest(request.getMethod(), host, target(at));
            sent.setEntity(request.getEntity());
            fill(sent, edited(headers(request), plan));
            RequestConfig own = request instanceof Configurable ? ((Configurable) request).getConfig() : null;
            own = own != null || !(client instanceof Configurable) ? own : ((Configurable) client).getConfig();
            own = own != null ? own : RequestConfig.DEFAULT;
            HttpClientContext.adapt(context).setRequestConfig(RequestConfig.copy(own).setConnectTimeout(shortest(own.getConnectTimeout(), connectMillis, readMillis))
                    .setResponseTimeout(shortest(own.getResponseTimeout(), readMillis, 0)).build());
            return (tls == null ? client : (CloseableHttpClient) Copies.of(client, tls)).execute(host, sent, context);
        }

        private static Timeout shortest(Timeout own, int a, int b) {
            int set = own == null ? 0 : (int) Math.min(Integer.MAX_VALUE, own.toMilliseconds());
            int limit = shortest(set, a, b);
            return limit == set ? own : Timeout.ofMilliseconds(limit);
        }

        @Override
        int status(CloseableHttpResponse response) {
            return response.getCode();
        }

        @Override
        void discard(CloseableHttpResponse response) {
            close(response);
        }

        @Override
        CloseableHttpResponse answer(Answer answer) {
            ClassicHttpResponse response = new BasicClassicHttpResponse(answer.status());
            answer.headers().forEach(response::setHeader);
            response.setEntity(new ByteArrayEntity(answer.body(), null));
            try {
                Method adapt = CloseableHttpResponse.class.getDeclaredMethod("adapt", ClassicHttpResponse.class);
                adapt.setAccessible(true); // newer versions have it public
                return (CloseableHttpResponse) adapt.invoke(null, response);
            } catch (ReflectiveOperationException e) {
                throw new LinkageError("CloseableHttpResponse.adapt", e);
            }
        }

        @Override
        CloseableHttpResponse edited(CloseableHttpResponse response) {
            if (!plan.responseHeaders().isEmpty()) {
                fill(response, headers(response).edit(plan.responseHeaders()));
            }
            return response;
        }
    }
}
