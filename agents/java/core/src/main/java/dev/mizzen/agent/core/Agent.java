package dev.mizzen.agent.core;

import dev.mizzen.agent.bridge.Mesh;

/** The agent's state in JMX. */
public final class Agent implements AgentMBean {
    public static final String NAME = "dev.mizzen:type=Agent";

    private final Mesh mesh;
    private final String version;

    Agent(Mesh mesh, String version) {
        this.mesh = mesh;
        this.version = version;
    }

    @Override
    public String getState() {
        return mesh.state();
    }

    @Override
    public String getVersion() {
        return version;
    }

    @Override
    public String[] getServices() {
        return mesh.services().toArray(new String[0]);
    }
}
