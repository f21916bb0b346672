package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Mesh;

/** The balancers that Spring Cloud's libraries get from their named contexts: those of Spring Cloud LoadBalancer, or Ribbon's. */
public final class Balancers implements Adapter {
    private final Mesh mesh;
    private Adapter spring, ribbon;

    public Balancers(Mesh mesh) {
        this.mesh = mesh;
    }

    @Override
    public Object after(Object result, Object self, Object name, Object type) {
        if (result == null || !(type instanceof Class) || !((Class<?>) type).getName().endsWith("LoadBalancer")) {
            return result;
        }
        return (implementsRibbon(result.getClass()) ? ribbon() : spring()).after(result, self, name, type);
    }

    private static boolean implementsRibbon(Class<?> type) {
        for (Class<?> c = type; c != null; c = c.getSuperclass()) {
            for (Class<?> i : c.getInterfaces()) {
                if (i.getName().equals("com.netflix.loadbalancer.ILoadBalancer")) {
                    return true;
                }
            }
        }
        return false;
    }

    private synchronized Adapter spring() {
        if (spring == null) {
            spring = make("SpringBalancer");
        }
        return spring;
    }

    private synchronized Adapter ribbon() {
        if (ribbon == null) {
            ribbon = make("RibbonBalancer");
        }
        return ribbon;
    }

    private Adapter make(String name) {
        try {
            return (Adapter) Class.forName("dev.mizzen.agent.adapters." + name).getConstructor(Mesh.class).newInstance(mesh);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(name, e);
        }
    }
}
