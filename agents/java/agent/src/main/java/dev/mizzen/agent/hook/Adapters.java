package dev.mizzen.agent.hook;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Hooks;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.core.Log;
import java.lang.ref.WeakReference;
import java.util.HashMap;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The adapters, once for each class loader with hooked classes. A class of the application holds them by a ClassValue, and nothing here does, so an
 * application can be unloaded.
 */
final class Adapters implements Hooks {
    private final Supplier<Mesh> start;
    private final Function<String, byte[]> classes;
    private final boolean verbose;
    private Mesh mesh;
    private final Map<ClassLoader, WeakReference<AdapterLoader>> known = new WeakHashMap<>();
    private final ClassValue<AdapterLoader> sets = new ClassValue<AdapterLoader>() {
        @Override
        protected AdapterLoader computeValue(Class<?> type) {
            return set(type.getClassLoader());
        }
    };

    /**
     * @param classes the bytes of an adapter's class by its path; null if there is none
     * @param verbose whether to say what each library does not use for services of the mesh
     */
    Adapters(Supplier<Mesh> start, Function<String, byte[]> classes, boolean verbose) {
        this.start = start;
        this.classes = classes;
        this.verbose = verbose;
    }

    @Override
    public Object before(int hook, Object self, Object a, Object b, Object c) throws Throwable {
        Adapter adapter = adapter(hook, self);
        return adapter == null ? null : adapter.before(self, a, b, c);
    }

    @Override
    public Object after(int hook, Object result, Object self, Object a, Object b) {
        Adapter adapter = adapter(hook, self);
        return adapter == null ? result : adapter.after(result, self, a, b);
    }

    private Adapter adapter(int hook, Object self) {
        return sets.get(self.getClass()).adapter(Hook.TABLE.get(hook).adapter);
    }

    private synchronized AdapterLoader set(ClassLoader loader) {
        WeakReference<AdapterLoader> weak = known.get(loader);
        AdapterLoader set = weak == null ? null : weak.get();
        if (set == null) {
            set = new AdapterLoader(loader, classes, this::mesh, verbose);
            known.put(loader, new WeakReference<>(set));
        }
        return set;
    }

    synchronized String state() {
        return mesh == null ? "{}" : mesh.state();
    }

    /** The mesh, which starts with the first hooked call: most JVMs that get the agent are no Spring Cloud applications. */
    private synchronized Mesh mesh() {
        if (mesh == null) {
            mesh = start.get();
        }
        return mesh;
    }

    /** The adapters of one class loader. Its classes must not refer to the application's from outside. */
    private static final class AdapterLoader extends ClassLoader {
        private static final Adapter NONE = new Adapter() { };
        private final Function<String, byte[]> classes;
        private final Supplier<Mesh> mesh;
        private final boolean verbose;
        private volatile Map<String, Adapter> adapters = new HashMap<>();

        AdapterLoader(ClassLoader application, Function<String, byte[]> classes, Supplier<Mesh> mesh, boolean verbose) {
            super(application);
            this.verbose = verbose;
            this.classes = classes;
            this.mesh = mesh;
        }

        Adapter adapter(String name) {
            Adapter adapter = adapters.get(name);
            return adapter != null ? adapter : make(name);
        }

        private synchronized Adapter make(String name) {
            Adapter adapter = adapters.get(name);
            if (adapter == null) {
                try {
                    adapter = (Adapter) loadClass(name).getConstructor(Mesh.class).newInstance(mesh.get());
                    if (verbose) {
                        Hook.said(name).ifPresent(Log::info);
                    }
                } catch (Throwable e) {
                    Log.info(name + " cannot be used with this application: " + (e.getCause() == null ? e : e.getCause()) + "; its calls do not follow the mesh");
                    adapter = NONE;
                }
                Map<String, Adapter> more = new HashMap<>(adapters);
                more.put(name, adapter);
                adapters = more;
            }
            return adapter;
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith("dev.mizzen.agent.adapters.")) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> c = findLoadedClass(name);
                if (c == null) {
                    byte[] b = classes.apply(name.replace('.', '/') + ".class");
                    if (b == null) {
                        throw new ClassNotFoundException(name);
                    }
                    c = defineClass(name, b, 0, b.length);
                }
                return c;
            }
        }
    }
}
