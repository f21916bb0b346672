package dev.mizzen.agent.core;

/** What JMX shows. */
public interface AgentMBean {
    /** What is followed and in what state, as JSON. */
    String getState();

    /** The version of the agent. */
    String getVersion();

    /** The services that the control plane knows. */
    String[] getServices();
}
