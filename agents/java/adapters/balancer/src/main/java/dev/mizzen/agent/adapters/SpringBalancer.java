package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Attempt;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Service;
import java.net.URI;
import java.util.concurrent.CompletableFuture;
import org.springframework.cloud.client.ServiceInstance;
import org.springframework.cloud.client.loadbalancer.DefaultResponse;
import org.springframework.cloud.client.loadbalancer.EmptyResponse;
import org.springframework.cloud.client.loadbalancer.Request;
import org.springframework.cloud.client.loadbalancer.RequestData;
import org.springframework.cloud.client.loadbalancer.RequestDataContext;
import org.springframework.cloud.client.loadbalancer.Response;
import org.springframework.cloud.loadbalancer.core.ReactorServiceInstanceLoadBalancer;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Spring Cloud LoadBalancer's balancers, for libraries that have no hook of their own: the route, the subset and the weights are followed. */
public final class SpringBalancer implements Adapter {
    private final Mesh mesh;
    private final boolean generation = known();

    public SpringBalancer(Mesh mesh) {
        this.mesh = mesh;
    }

    /** Hoxton's balancers have the same names and other methods. All its clients have hooks of their own. */
    private static boolean known() {
        try {
            Class.forName("org.springframework.cloud.client.loadbalancer.RequestDataContext", false, SpringBalancer.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException e) {
            return false;
        }
    }

    @Override
    public Object after(Object result, Object self, Object name, Object type) {
        if (!generation || !(result instanceof ReactorServiceInstanceLoadBalancer) || result instanceof Meshed || !((Class<?>) type).isAssignableFrom(Meshed.class)) {
            return result;
        }
        return new Meshed(mesh, (String) name, (ReactorServiceInstanceLoadBalancer) result);
    }

    @SuppressWarnings("rawtypes")
    private static final class Meshed implements ReactorServiceInstanceLoadBalancer {
        private final Mesh mesh;
        private final String name;
        private final ReactorServiceInstanceLoadBalancer own;

        Meshed(Mesh mesh, String name, ReactorServiceInstanceLoadBalancer own) {
            this.mesh = mesh;
            this.name = name;
            this.own = own;
        }

        @Override
        public Mono<Response<ServiceInstance>> choose(Request request) {
            Call call = call(request);
            Service service = mesh.service(name, port(call));
            return Mono.defer(() -> {
                CompletableFuture<Service.Presence> settled = service.settled().toCompletableFuture();
                if (settled.isDone() && service.mode() != Service.Mode.MERGE && service.mode() != Service.Mode.REGISTRY_FIRST) {
                    return Call.meshed(service, name, settled.join()) ? Mono.fromSupplier(() -> pick(service, call)) : own.choose(request);
                }
                return Mono.fromFuture(settled).flatMap(p -> Mono.fromCallable(() -> Call.meshed(service, name, p)).subscribeOn(Schedulers.boundedElastic())
                        .flatMap(yes -> yes ? Mono.fromCallable(() -> pick(service, call)).subscribeOn(Schedulers.boundedElastic()) : own.choose(request)));
            });
        }

        @Override
        public Mono<Response<ServiceInstance>> choose() {
            return choose((Request) null);
        }

        private Response<ServiceInstance> pick(Service service, Call call) {
            Attempt attempt = service.plan(call).attempt(() -> Registry.instances(name));
            if (attempt == null) {
                return new EmptyResponse();
            }
            attempt.done(200);
            Call.balanced();
            return new DefaultResponse(Instance.chosen(name, attempt.endpoint()));
        }

        private Call call(Request request) {
            Object context = request == null ? null : request.getContext();
            RequestData data = context instanceof RequestDataContext ? ((RequestDataContext) context).getClientRequest() : null;
            if (data == null || data.getUrl() == null) {
                return new Call("GET", URI.create("http://" + name + "/"), n -> null);
            }
            return new Call(data.getHttpMethod() == null ? "GET" : String.valueOf(data.getHttpMethod()), ofService(data.getUrl()), n -> data.getHeaders() == null ? null : Http.header(data.getHeaders(), n));
        }

        /** The URI of a call of the service. Some callers give the URI by which they were called themselves. */
        private URI ofService(URI uri) {
            if (name.equalsIgnoreCase(uri.getHost())) {
                return uri;
            }
            return URI.create("http://" + name + (uri.getRawPath() == null ? "" : uri.getRawPath()) + (uri.getRawQuery() == null ? "" : "?" + uri.getRawQuery()));
        }

        private static int port(Call call) {
            String authority = call.authority();
            int colon = authority == null ? -1 : authority.lastIndexOf(':');
            return colon < 0 ? 0 : Integer.parseInt(authority.substring(colon + 1));
        }
    }
}
