package dev.mizzen.agent;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.lang.instrument.Instrumentation;
import java.lang.ref.WeakReference;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** What the JVM starts. All other classes of the agent are in class loaders of their own, or in the bootstrap class loader. */
public final class Agent {
    private static final AtomicBoolean STARTED = new AtomicBoolean();
    private static final String STATE = "state=";
    private static volatile Callable<String> state;

    private Agent() {
    }

    /** The agent was named by -javaagent. Nothing is thrown: that would end the JVM. */
    public static void premain(String args, Instrumentation jvm) {
        try {
            if (runsThisJar()) {
                return; // JAVA_TOOL_OPTIONS of a container apply to the command that prints the state of its application, too
            } else if ("off".equals(setting("mizzen.agent"))) {
                say("the agent is off by mizzen.agent; the application runs without the mesh");
            } else if (!STARTED.compareAndSet(false, true)) {
                say("the agent was started twice; the second one does nothing. Name mizzen-agent.jar in one -javaagent only");
            } else {
                start(jvm);
            }
        } catch (Throwable e) {
            say("the agent cannot start: " + (e.getCause() == null ? e : e.getCause()) + "; the application runs without the mesh");
        }
    }

    /** The agent was attached to a running JVM: to ask the one that runs there for its state, or to start it for classes that are not loaded yet. */
    public static void agentmain(String args, Instrumentation jvm) {
        if (args == null || !args.startsWith(STATE)) {
            premain(args, jvm);
            return;
        }
        try {
            Files.write(Paths.get(args.substring(STATE.length())), (state == null ? "the agent does not run" : state.call()).getBytes(StandardCharsets.UTF_8));
        } catch (Throwable e) {
            say("the state cannot be written: " + e);
        }
    }

    /** Has a running agent write its state, and prints it. */
    private static void state(String pid) throws Exception {
        File file = File.createTempFile("mizzen", ".json");
        try {
            Class<?> type;
            try {
                type = Class.forName("com.sun.tools.attach.VirtualMachine");
            } catch (ClassNotFoundException e) {
                say("this Java runtime cannot ask another process: it has no module jdk.attach. Use a JDK, or read the MBean dev.mizzen:type=Agent");
                System.exit(1);
                return;
            }
            Object vm = type.getMethod("attach", String.class).invoke(null, pid);
            type.getMethod("loadAgent", String.class, String.class).invoke(vm, new File(place()).getPath(), STATE + file.getPath());
            type.getMethod("detach").invoke(vm);
            System.out.println(new String(Files.readAllBytes(file.toPath()), StandardCharsets.UTF_8));
        } finally {
            file.delete();
        }
    }

    private static boolean runsThisJar() throws URISyntaxException {
        return System.getProperty("sun.java.command", "").split(" ")[0].endsWith(new File(place()).getName());
    }

    private static URI place() throws URISyntaxException {
        return Agent.class.getProtectionDomain().getCodeSource().getLocation().toURI();
    }

    @SuppressWarnings("unchecked")
    private static void start(Instrumentation jvm) throws Exception {
        JarFile jar = new JarFile(new File(place()));
        // Afterwards the classes of this jar would come from the bootstrap class loader, which this class does not share a package with.
        Archive adapters = new Archive(jar, "adapters.jar");
        ClassLoader core = new Core(new Archive(jar, "core.jar"));
        jvm.appendToBootstrapClassLoaderSearch(jar);
        state = (Callable<String>) core.loadClass("dev.mizzen.agent.hook.Start").getMethod("start", Instrumentation.class, Function.class, String.class)
                .invoke(null, jvm, adapters, version(jar));
    }

    public static void main(String[] args) throws Exception {
        if (args.length == 2 && args[0].equals("state")) {
            state(args[1]);
            return;
        }
        try (JarFile jar = new JarFile(new File(place()))) {
            System.out.println("Mizzen's agent for Spring Cloud applications, " + version(jar));
        }
        System.out.println("\nStart an application with it:\n"
                + "  GRPC_XDS_BOOTSTRAP=FILE java -javaagent:mizzen-agent.jar -jar app.jar\n\n"
                + "Print the state of a running one:\n"
                + "  java -jar mizzen-agent.jar state PID\n\n"
                + "FILE is what 'controlplane bootstrap' prints. Settings are system properties or environment variables (MIZZEN_AGENT):\n"
                + "  mizzen.agent=off               do nothing\n"
                + "  mizzen.mode=MODE               mesh-first (default), merge, registry-first or off; mizzen.mode.SERVICE for one service\n"
                + "  mizzen.names=APP:SERVICE,...   the names of services that the application calls otherwise\n"
                + "  mizzen.wait=2s                 how long the first call of a service waits for the control plane\n"
                + "  mizzen.state=DIR               where the last good resources are kept\n"
                + "  mizzen.host=service            providers see the name of the service in the Host header, not the address\n"
                + "  mizzen.plain=on|HOST,...       clients without a balancer follow the mesh, too: for all names of Services, or for these hosts\n"
                + "  mizzen.lane.key=lane           the member of the header baggage that has the lane\n"
                + "  mizzen.lane.header=x-lane      the header of lanes\n"
                + "  mizzen.lane.threads=on         tasks in thread pools run in the lane of the request that made them\n"
                + "  mizzen.log=debug               say more");
    }

    private static String version(JarFile jar) throws IOException {
        Manifest manifest = jar.getManifest();
        String version = manifest == null ? null : manifest.getMainAttributes().getValue("Implementation-Version");
        return version == null ? "0.0.0" : version;
    }

    private static String setting(String key) {
        String value = System.getProperty(key);
        return value != null ? value : System.getenv("MIZZEN_AGENT");
    }

    private static void say(String line) {
        System.err.println("mizzen: " + line);
    }

    /** The core: it sees the JDK and the bridge, and no class of the application sees it. */
    private static final class Core extends ClassLoader {
        private final Archive classes;

        Core(Archive classes) {
            super(ClassLoader.getSystemClassLoader().getParent());
            this.classes = classes;
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            byte[] b = classes.apply(name.replace('.', '/') + ".class");
            if (b == null) {
                throw new ClassNotFoundException(name);
            }
            return defineClass(name, b, 0, b.length);
        }
    }

    /** The files of an archive in the agent's jar. They are read at once, and kept until the next garbage collection: classes are loaded in bursts. */
    private static final class Archive implements Function<String, byte[]> {
        private final JarFile jar;
        private final String name;
        private WeakReference<Map<String, byte[]>> files = new WeakReference<>(null);

        Archive(JarFile jar, String name) {
            this.jar = jar;
            this.name = name;
        }

        /** Returns null if there is no such file. */
        @Override
        public synchronized byte[] apply(String path) {
            Map<String, byte[]> found = files.get();
            if (found == null) {
                try (ZipInputStream in = new ZipInputStream(jar.getInputStream(jar.getEntry(name)))) {
                    found = read(in);
                } catch (IOException e) {
                    throw new IllegalStateException("mizzen-agent.jar cannot be read", e);
                }
                files = new WeakReference<>(found);
            }
            return found.get(path);
        }

        private static Map<String, byte[]> read(ZipInputStream in) throws IOException {
            Map<String, byte[]> files = new HashMap<>();
            byte[] buffer = new byte[64 * 1024];
            for (ZipEntry entry; (entry = in.getNextEntry()) != null;) {
                ByteArrayOutputStream file = new ByteArrayOutputStream((int) Math.max(entry.getSize(), 0));
                for (int n; (n = in.read(buffer)) > 0;) {
                    file.write(buffer, 0, n);
                }
                files.put(entry.getName(), file.toByteArray());
            }
            return files;
        }
    }
}
