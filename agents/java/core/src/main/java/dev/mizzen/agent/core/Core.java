package dev.mizzen.agent.core;

import dev.mizzen.agent.bridge.Mesh;

/** The entry to the core. */
public final class Core {
    private Core() {
    }

    /** Begins to follow the control plane. It never fails: without a bootstrap that can be used, the mesh knows no service. */
    public static Mesh start(Config config) {
        return start(config, version());
    }

    /** @param version the version to tell: classes of the agent do not know the manifest of their jar */
    public static Mesh start(Config config, String version) {
        Log.debug(config.debug);
        if (config.bootstrap == null) {
            Log.info(config.problem + "; the application runs without the mesh. Set GRPC_XDS_BOOTSTRAP to a file of 'controlplane bootstrap'");
            return new NoMesh(config);
        }
        XdsMesh mesh = new XdsMesh(config, version);
        if (!config.isOff()) {
            mesh.start();
        }
        return mesh;
    }

    /** Returns the object to register as an MBean under {@link Agent#NAME}. */
    public static Object bean(Mesh mesh, String version) {
        return new Agent(mesh, version);
    }

    /** The version of the jar that this class is from, if its class loader knows the manifest. */
    public static String version() {
        Package p = Core.class.getPackage();
        String v = p == null ? null : p.getImplementationVersion();
        return v == null ? "0.0.0" : v;
    }
}
