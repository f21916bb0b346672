package dev.mizzen.agent;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.lang.instrument.Instrumentation;
import java.lang.ref.WeakReference;
import java.lang.reflect.InvocationTargetException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
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
            if (isOwn()) {
                return; // JAVA_TOOL_OPTIONS of a container apply to the command that prints the state of its application, too
            }
            if (isOff()) {
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

    /** Has a running agent write its state, and prints it. Returns why it cannot. */
    private static String state(String pid) throws Exception {
        File process = new File("/proc", pid), file = File.createTempFile("mizzen", ".json");
        try {
            Long.parseLong(pid);
            // The JDK sends a signal that ends a process without a JVM.
            if (process.getParentFile().isDirectory() && (!process.isDirectory() || !isJvm(new File(process, "maps")))) {
                return pid + " is not a JVM that runs";
            }
            Class<?> type = Class.forName("com.sun.tools.attach.VirtualMachine");
            Object vm = type.getMethod("attach", String.class).invoke(null, pid);
            type.getMethod("loadAgent", String.class, String.class).invoke(vm, new File(place()).getPath(), STATE + file.getPath());
            type.getMethod("detach").invoke(vm);
            System.out.println(new String(Files.readAllBytes(file.toPath()), StandardCharsets.UTF_8));
            return null;
        } catch (NumberFormatException e) {
            return "\"" + pid + "\" is not the id of a process";
        } catch (ClassNotFoundException e) {
            return "this Java runtime cannot ask another process: it has no module jdk.attach. Use a JDK, or read the MBean dev.mizzen:type=Agent";
        } catch (InvocationTargetException e) {
            return "the process " + pid + " cannot be asked: " + e.getCause().getMessage() + ". Run this command as the user of the process, in the same container";
        } finally {
            file.delete();
        }
    }

    private static boolean isJvm(File maps) throws IOException {
        try {
            return new String(Files.readAllBytes(maps.toPath()), StandardCharsets.ISO_8859_1).contains("libjvm");
        } catch (AccessDeniedException e) {
            return true; // attaching tells more
        }
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
            String failure = state(args[1]);
            if (failure != null) {
                say(failure);
                System.exit(1);
            }
        } else if (args.length == 0 || args[0].equals("help") || args[0].equals("-h") || args[0].equals("--help")) {
            help();
        } else {
            say("\"" + String.join(" ", args) + "\" is not a command. Use 'state PID', or 'help'");
            System.exit(2);
        }
    }

    private static void help() throws Exception {
        try (JarFile jar = new JarFile(new File(place()))) {
            System.out.println("Mizzen's agent for Spring Cloud applications, " + version(jar) + "\n\nStart an application with it:\n"
                    + "  GRPC_XDS_BOOTSTRAP=FILE java -javaagent:mizzen-agent.jar -jar app.jar\n\n"
                    + "Print the state of a running one:\n"
                    + "  java -jar mizzen-agent.jar state PID\n\n"
                    + "FILE is what 'controlplane bootstrap' prints. Settings are system properties, or environment variables (MIZZEN_AGENT):\n"
                    + new Core(new Archive(jar, "core.jar")).loadClass("dev.mizzen.agent.core.Setting").getMethod("help").invoke(null));
        }
    }

    /** Whether this JVM was started for {@link #main}: the agent is in the environment of the applications beside it, too. */
    private static boolean isOwn() throws URISyntaxException {
        String command = System.getProperty("sun.java.command", "");
        int space = command.indexOf(' ');
        return new File(space < 0 ? command : command.substring(0, space)).getName().equals(new File(place()).getName());
    }

    private static String version(JarFile jar) throws IOException {
        Manifest manifest = jar.getManifest();
        String version = manifest == null ? null : manifest.getMainAttributes().getValue("Implementation-Version");
        return version == null ? "0.0.0" : version;
    }

    /** Reads mizzen.agent as all settings are read. What it is if it is neither on nor off is said with the other settings. */
    private static boolean isOff() {
        String value = System.getProperty("mizzen.agent", System.getenv("MIZZEN_AGENT"));
        return value != null && (value.trim().equalsIgnoreCase("off") || value.trim().equalsIgnoreCase("false"));
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
