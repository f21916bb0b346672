package dev.mizzen.agent.hook;

import dev.mizzen.agent.bridge.Bridge;
import dev.mizzen.agent.bridge.HostHeader;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.core.Config;
import dev.mizzen.agent.core.Core;
import dev.mizzen.agent.core.Log;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.Method;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.MBeanServerFactory;
import javax.management.ObjectName;

/** Starts the agent: the entry from its first class. */
public final class Start {
    private Start() {
    }

    /** Returns what gives the state; null if the agent does nothing. */
    public static Callable<String> start(Instrumentation jvm, JarFile jar, String version) {
        Config config = Config.read(System.getenv(), System.getProperties());
        if (config.bootstrap == null) {
            Log.info(version + ": " + config.problem + "; the application runs without the mesh. Set GRPC_XDS_BOOTSTRAP to a file of 'controlplane bootstrap'");
            return null;
        }
        Adapters adapters = new Adapters(() -> registered(Core.start(config)), path -> read(jar, "adapters/" + path));
        if (!Bridge.install(adapters)) {
            return null;
        }
        HostHeader.openBy(() -> open(jvm));
        Weaver weaver = new Weaver();
        jvm.addTransformer(weaver, true);
        Log.info(version + ", control plane " + config.bootstrap.servers.get(0).address() + ", mode " + config.get("mizzen.mode", "mesh-first")
                + "; calls of Spring Cloud's clients follow the mesh");
        return adapters::state;
    }

    /** Shows the mesh in JMX, if the application uses JMX. An MBean server only for it would cost more than the agent. */
    private static Mesh registered(Mesh mesh) {
        try {
            for (MBeanServer server : MBeanServerFactory.findMBeanServer(null)) {
                server.registerMBean(Core.bean(mesh), new ObjectName("dev.mizzen:type=Agent"));
                break;
            }
        } catch (JMException | RuntimeException e) {
            Log.info("the state cannot be shown in JMX: " + e);
        }
        return mesh;
    }

    /** Opens the classes of HttpURLConnection to the bridge. JDK 8 has no modules. */
    private static void open(Instrumentation jvm) {
        try {
            Method module = Class.class.getMethod("getModule");
            Set<?> bridge = Collections.singleton(module.invoke(HostHeader.class));
            Map<String, Set<?>> packages = new HashMap<>();
            for (String name : new String[] {"sun.net.www", "sun.net.www.protocol.http", "sun.net.www.protocol.https"}) {
                packages.put(name, bridge);
            }
            for (Method m : Instrumentation.class.getMethods()) {
                if (m.getName().equals("redefineModule")) {
                    m.invoke(jvm, module.invoke(Object.class), Collections.emptySet(), Collections.emptyMap(), packages, Collections.emptySet(), Collections.emptyMap());
                }
            }
        } catch (ReflectiveOperationException | RuntimeException e) {
            Log.debug("the JDK's classes cannot be opened: " + e);
        }
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
