package dev.mizzen.agent.core;

import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Request;
import dev.mizzen.agent.bridge.Service;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** The mesh of a process without a control plane: it knows no service, so the application's own balancer decides. */
final class NoMesh extends LanedMesh {
    NoMesh(Config config) {
        super(config, config.lane);
    }

    @Override
    public Service service(String name, int port) {
        return new Unknown(name, config.mode(name));
    }

    @Override
    public boolean plain(String host) {
        return config.plain(host);
    }

    @Override
    public Collection<String> services() {
        return Collections.emptyList();
    }

    @Override
    public String state() {
        StringBuilder out = new StringBuilder("{\"problem\":");
        Json.quote(out, config.problem);
        return out.append('}').toString();
    }

    @Override
    public void close() {
    }

    private static final class Unknown implements Service {
        private final String name;
        private final Mode mode;

        Unknown(String name, Mode mode) {
            this.name = name;
            this.mode = mode;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public Mode mode() {
            return mode;
        }

        @Override
        public Presence presence() {
            return Presence.UNKNOWN;
        }

        @Override
        public CompletionStage<Presence> settled() {
            return CompletableFuture.completedFuture(Presence.UNKNOWN);
        }

        @Override
        public Presence await() {
            return Presence.UNKNOWN;
        }

        @Override
        public Plan plan(Request request) {
            throw new IllegalStateException(name + " is unknown");
        }

        @Override
        public List<Endpoint> endpoints() {
            return Collections.emptyList();
        }
    }
}
