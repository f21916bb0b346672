package dev.mizzen.agent.core;

import dev.mizzen.agent.bridge.Mesh;

/** The entry to the core. */
public final class Core {
    private Core() {
    }

    /** Begins to follow the control plane. It never fails: without a bootstrap that can be used, the mesh knows no service. */
    public static Mesh start(Config config) {
        Log.debug(config.debug);
        if (config.bootstrap == null) {
            Log.info(config.problem + "; the application runs without the mesh. Set GRPC_XDS_BOOTSTRAP to a file of 'controlplane bootstrap'");
            return new NoMesh(config);
        }
        XdsMesh mesh = new XdsMesh(config, version());
        mesh.start();
        return mesh;
    }

    /** Returns the object to register as an MBean under {@link Agent#NAME}. */
    public static Object bean(Mesh mesh) {
        return new Agent(mesh);
    }

    /** The version of the jar. */
    public static String version() {
        Package p = Core.class.getPackage();
        String v = p == null ? null : p.getImplementationVersion();
        return v == null ? "0.0.0" : v;
    }
}
