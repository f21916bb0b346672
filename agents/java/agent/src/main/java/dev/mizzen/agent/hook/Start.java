package dev.mizzen.agent.hook;

import dev.mizzen.agent.bridge.Bridge;
import dev.mizzen.agent.core.Config;
import dev.mizzen.agent.core.Core;
import dev.mizzen.agent.core.Log;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.instrument.Instrumentation;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;

/** Starts the agent: the entry from its first class. */
public final class Start {
    private Start() {
    }

    public static void start(Instrumentation jvm, JarFile jar, String version) {
        Config config = Config.read(System.getenv(), System.getProperties());
        if (config.bootstrap == null) {
            Log.info(version + ": " + config.problem + "; the application runs without the mesh. Set GRPC_XDS_BOOTSTRAP to a file of 'controlplane bootstrap'");
            return;
        }
        Adapters adapters = new Adapters(() -> Core.start(config), path -> read(jar, "adapters/" + path));
        if (!Bridge.install(adapters)) {
            return;
        }
        Weaver weaver = new Weaver();
        jvm.addTransformer(weaver, true);
        Log.info(version + ", control plane " + config.bootstrap.servers.get(0).address() + ", mode " + config.get("mizzen.mode", "mesh-first")
                + "; calls of Spring Cloud's clients follow the mesh");
    }

    private static byte[] read(JarFile jar, String path) {
        ZipEntry entry = jar.getEntry(path);
        if (entry == null) {
            return null;
        }
        try (InputStream in = jar.getInputStream(entry)) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            byte[] b = new byte[8192];
            for (int n; (n = in.read(b)) > 0;) {
                out.write(b, 0, n);
            }
            return out.toByteArray();
        } catch (IOException e) {
            throw new IllegalStateException("mizzen-agent.jar cannot be read", e);
        }
    }
}
