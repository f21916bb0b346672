package dev.mizzen.agent.hook;

import dev.mizzen.agent.bridge.Bridge;
import dev.mizzen.agent.bridge.HostHeader;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.core.Config;
import dev.mizzen.agent.core.Core;
import dev.mizzen.agent.core.Log;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.Method;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.Supplier;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.MBeanServerFactory;
import javax.management.ObjectName;

/** Starts the agent: the entry from its first class. It has no lambdas: the first one of a JVM costs more than all of this. */
public final class Start implements Supplier<Mesh>, Runnable, Callable<String> {
    private final Instrumentation jvm;
    private final Config config;
    private final String version;
    private final Adapters adapters;

    private Start(Instrumentation jvm, Function<String, byte[]> classes, Config config, String version) {
        this.jvm = jvm;
        this.config = config;
        this.version = version;
        this.adapters = new Adapters(this, classes, !config.isOff());
    }

    /**
     * Returns what gives the state; null if the agent does nothing.
     *
     * @param classes the bytes of an adapter's class by its path; null if there is none
     */
    public static Callable<String> start(Instrumentation jvm, Function<String, byte[]> classes, String version) {
        Config config = Config.read(System.getenv(), System.getProperties());
        if (config.bootstrap == null) {
            Log.info(version + ": " + config.problem + "; the application runs without the mesh. Set GRPC_XDS_BOOTSTRAP to a file of 'controlplane bootstrap'");
            return null;
        }
        Start start = new Start(jvm, classes, config, version);
        if (!Bridge.install(start.adapters)) {
            return null;
        }
        HostHeader.openBy(start);
        jvm.addTransformer(new Weaver(config.plain()), true);
        if (config.laneThreads) {
            LaneWeaver.start(jvm);
        }
        Log.info(version + (config.isOff() ? ", mode off: calls go to the registry" : ", control plane " + config.bootstrap.servers.get(0).address() + ", mode " + config.mode
                + "; calls of Spring Cloud's clients follow the mesh once it is connected"));
        return start;
    }

    /** The state. */
    @Override
    public String call() {
        return adapters.state();
    }

    /** Starts the mesh, and shows it in JMX if the application uses JMX. An MBean server only for it would cost more than the agent. */
    @Override
    public Mesh get() {
        Mesh mesh = Core.start(config, version);
        try {
            for (MBeanServer server : MBeanServerFactory.findMBeanServer(null)) {
                server.registerMBean(Core.bean(mesh, version), new ObjectName("dev.mizzen:type=Agent"));
                break;
            }
        } catch (JMException | RuntimeException e) {
            Log.info("the state cannot be shown in JMX: " + e);
        }
        return mesh;
    }

    /** Opens the classes of HttpURLConnection to the bridge. JDK 8 has no modules. */
    @Override
    public void run() {
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
}
