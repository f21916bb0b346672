package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Mesh;
import org.springframework.http.server.reactive.ServerHttpRequest;
import reactor.core.publisher.Mono;

/** The lane of a request that WebFlux serves: in the context of what the request is answered with. */
public final class ReactiveLane implements Adapter {
    private final Mesh mesh;

    public ReactiveLane(Mesh mesh) {
        this.mesh = mesh;
    }

    @Override
    public Object after(Object result, Object self, Object a, Object b) {
        ServerHttpRequest request = (ServerHttpRequest) a;
        String lane = mesh.laneOf(new Call("GET", request.getURI(), name -> Http.header(request.getHeaders(), name)));
        return lane == null ? result : Lanes.writing((Mono<?>) result, lane);
    }
}
