package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Service;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.util.LinkedHashSet;
import org.springframework.web.client.ResourceAccessException;
import org.springframework.web.servlet.function.HandlerFilterFunction;
import org.springframework.web.servlet.function.HandlerFunction;
import org.springframework.web.servlet.function.ServerRequest;
import org.springframework.web.servlet.function.ServerResponse;

/**
 * Spring Cloud Gateway for WebMVC: the filter of its load balancer chooses no instance for services of the mesh. The handler that makes the call, after
 * all filters of the route, follows the routes.
 */
public final class MvcGatewayCalls implements Adapter {
    private static final String ORIGINAL_URLS = "GatewayServerMvc.gatewayOriginalRequestUrl";
    private final Mesh mesh;

    public MvcGatewayCalls(Mesh mesh) {
        this.mesh = mesh;
    }

    /** LoadBalancerFilterFunctions.lb(service, ...) */
    @Override
    @SuppressWarnings("unchecked")
    public Object after(Object result, Object self, Object service, Object b) {
        String name = (String) service;
        HandlerFilterFunction<ServerResponse, ServerResponse> own = (HandlerFilterFunction<ServerResponse, ServerResponse>) result;
        return name == null ? own : (HandlerFilterFunction<ServerResponse, ServerResponse>) (request, next) -> filter(name, own, request, next);
    }

    @SuppressWarnings("unchecked")
    private ServerResponse filter(String name, HandlerFilterFunction<ServerResponse, ServerResponse> own, ServerRequest request, HandlerFunction<ServerResponse> next) throws Exception {
        Service service = mesh.service(name, 0);
        if (!Call.meshed(service, name, service.await())) {
            return own.filter(request, next);
        }
        ((LinkedHashSet<URI>) request.attributes().computeIfAbsent(ORIGINAL_URLS, n -> new LinkedHashSet<URI>())).add(request.uri());
        request.attributes().put(MvcAttempt.URL, URI.create("lb://" + name));
        return next.handle(request);
    }

    /** ProxyExchangeHandlerFunction.handle(request) */
    @Override
    @SuppressWarnings("unchecked")
    public Object before(Object self, Object a, Object b, Object c) throws IOException {
        ServerRequest request = (ServerRequest) a;
        Object url = request.attributes().get(MvcAttempt.URL);
        if (!(url instanceof URI) || !"lb".equals(((URI) url).getScheme())) {
            return null;
        }
        String name = ((URI) url).getAuthority();
        Service service = mesh.service(name, 0);
        MvcAttempt.Template template = new MvcAttempt.Template(request);
        URI uri = template.uri(name);
        Plan plan = service.plan(new Call(String.valueOf(request.method()), uri, header -> Http.header(request.headers().asHttpHeaders(), header)));
        MvcCall call = new MvcCall(name, service, plan, template, uri, (HandlerFunction<ServerResponse>) self);
        call.mirror();
        try {
            return call.run().response;
        } catch (SocketTimeoutException e) {
            throw Http.failure(504, e);
        } catch (IOException e) {
            throw new ResourceAccessException(e.getMessage(), e);
        }
    }

    private static final class MvcCall extends Blocking<MvcAttempt> {
        private final MvcAttempt.Template template;
        private final URI uri;
        private final HandlerFunction<ServerResponse> handler;

        MvcCall(String name, Service service, Plan plan, MvcAttempt.Template template, URI uri, HandlerFunction<ServerResponse> handler) {
            super(name, service, plan);
            this.template = template;
            this.uri = uri;
            this.handler = handler;
        }

        @Override
        MvcAttempt send(Endpoint endpoint, Plan plan, int connectMillis, int readMillis) throws IOException {
            MvcAttempt attempt = new MvcAttempt(template, plan, Call.at(uri, endpoint, plan));
            try {
                attempt.response = handler.handle(attempt.request());
                return attempt;
            } catch (ResourceAccessException | UncheckedIOException e) {
                throw e.getCause() instanceof IOException ? (IOException) e.getCause() : new IOException(e);
            } catch (IOException | RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IOException(e);
            }
        }

        @Override
        boolean repeatable() {
            return template.repeatable();
        }

        @Override
        int status(MvcAttempt attempt) {
            return Http.status(ServerResponse.class, attempt.response);
        }

        @Override
        void discard(MvcAttempt attempt) {
            attempt.close();
        }

        @Override
        MvcAttempt answer(Answer answer) {
            MvcAttempt attempt = new MvcAttempt(template, plan, uri);
            ServerResponse.BodyBuilder response = ServerResponse.status(answer.status());
            answer.headers().forEach((n, v) -> response.header(n, v));
            attempt.response = answer.body().length == 0 ? response.build() : response.body(answer.body());
            return attempt;
        }

        @Override
        MvcAttempt edited(MvcAttempt attempt) {
            attempt.taken();
            if (!plan.responseHeaders().isEmpty()) {
                Http.edit(attempt.response.headers(), plan.responseHeaders(), null);
            }
            return attempt;
        }

        @Override
        MvcAttempt unavailable(String failure) {
            throw Http.failure(503, new IllegalStateException("Unable to find instance for " + name + ": " + failure));
        }
    }
}
