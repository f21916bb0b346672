package dev.mizzen.agent.starter;

import dev.mizzen.agent.bridge.Bridge;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.core.Config;
import dev.mizzen.agent.core.Core;
import dev.mizzen.agent.core.Log;
import org.springframework.core.env.Environment;
import org.springframework.jmx.export.annotation.ManagedAttribute;
import org.springframework.jmx.export.annotation.ManagedResource;

/** The mesh of one application context, from its start to its end. */
@ManagedResource(objectName = "dev.mizzen:type=Starter", description = "What the application follows")
public class Starter implements AutoCloseable {
    private final Mesh mesh;

    Starter(Environment environment) {
        Config config = Settings.read(environment);
        if (Bridge.class.getClassLoader() == null) { // only the agent has it in the bootstrap class loader
            Log.info("the agent is in this JVM; mizzen-spring-cloud-starter does nothing. Use one of them");
        } else if (!config.agent) {
            Log.info("mizzen-spring-cloud-starter is off by mizzen.agent; the application runs without the mesh");
        } else if (config.bootstrap == null) {
            Log.info(version() + ": " + config.problem + "; the application runs without the mesh. Set GRPC_XDS_BOOTSTRAP to a file of 'controlplane bootstrap'");
        } else {
            Log.info(version() + (config.isOff() ? ", mode off: calls go to the registry" : ", control plane " + config.bootstrap.servers.get(0).address() + ", mode " + config.mode
                    + "; calls of Spring Cloud's clients follow the mesh once it is connected. For its services the application's own balancer, hints, zones, sticky sessions, "
                    + "health checks and load-balancer retries are not used"));
            withoutEffect("mizzen.plain", config.plain());
            withoutEffect("mizzen.lane.threads", config.laneThreads);
            mesh = Core.start(config);
            return;
        }
        mesh = null;
    }

    private static void withoutEffect(String setting, boolean set) {
        if (set) {
            Log.info(setting + " has no effect with mizzen-spring-cloud-starter. Use the agent");
        }
    }

    private static String version() {
        return "mizzen-spring-cloud-starter " + Core.version();
    }

    /** The mesh; null if the application runs without it. */
    Mesh mesh() {
        return mesh;
    }

    /** What is followed and in what state, as JSON. */
    @ManagedAttribute(description = "What is followed and in what state, as JSON")
    public String getState() {
        return mesh == null ? "{}" : mesh.state();
    }

    @Override
    public void close() {
        if (mesh != null) {
            mesh.close();
        }
    }
}
