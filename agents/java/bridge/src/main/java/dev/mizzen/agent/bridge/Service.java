package dev.mizzen.agent.bridge;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** A name that the application calls, and what the mesh says about it. */
public interface Service {
    /** What is known about the name. */
    enum Presence {
        /** The control plane has not answered. */
        PENDING,
        /** The control plane knows the name: its routes decide. */
        KNOWN,
        /** The control plane does not know the name, or the mode of the service leaves it to the registry: the application's own balancer decides. */
        UNKNOWN
    }

    /** How the mesh and the application's registry share a service. */
    enum Mode { MESH_FIRST, MERGE, REGISTRY_FIRST, OFF }

    String name();

    Mode mode();

    Presence presence();

    /**
     * Completes with KNOWN or UNKNOWN, at the latest when the limit of the first call has passed. A caller may cancel the stage that it gets: each
     * caller gets its own.
     */
    CompletionStage<Presence> settled();

    /** Blocks as long as {@link #settled} does. */
    Presence await();

    /**
     * Completes with the next change of what the mesh says: of the presence, the routes or the endpoints. A caller that asks for it before it reads the
     * rest misses no change.
     */
    default CompletionStage<Presence> nextChange() {
        return new CompletableFuture<>();
    }

    /** True the first time that the application's registry decides a call for a reason. The caller finds out if it has an instance, and says so by {@link #leftToRegistry}. */
    default boolean isNewlyLeft() {
        return false;
    }

    /** Says that the application's registry decides calls, and what to do if it has no instance. */
    default void leftToRegistry(boolean hasInstance) {
    }

    /** Decides a call by the routes. Only for a service that is KNOWN. */
    Plan plan(Request request);

    /** All endpoints of all clusters that the routes name, whatever the subset, each address once. */
    List<Endpoint> endpoints();
}
