package dev.mizzen.agent.hook;

import dev.mizzen.agent.bridge.Bridge;
import dev.mizzen.agent.bridge.Mesh;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Proxy;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Map;
import java.util.function.BiFunction;

/** An application's class loader: libraries and code of its own, woven as they are loaded. */
final class Application extends URLClassLoader {
    /** The mesh of the test that runs. */
    static volatile Mesh mesh;

    static {
        registerAsParallelCapable();
        Mesh running = (Mesh) Proxy.newProxyInstance(Application.class.getClassLoader(), new Class<?>[] {Mesh.class}, (p, method, args) -> method.invoke(mesh, args));
        Bridge.install(new Adapters(() -> running, path -> bytes(Application.class.getClassLoader(), path), true));
    }

    private Application() {
        super(path(), Application.class.getClassLoader());
    }

    @SuppressWarnings("unchecked")
    static BiFunction<String, String, Map<String, String>> start(String type) throws ReflectiveOperationException {
        return (BiFunction<String, String, Map<String, String>>) new Application().loadClass(type).getConstructor().newInstance();
    }

    private static URL[] path() {
        String[] entries = System.getProperty("java.class.path").split(File.pathSeparator);
        URL[] urls = new URL[entries.length];
        for (int i = 0; i < entries.length; i++) {
            try {
                urls[i] = new File(entries[i]).toURI().toURL();
            } catch (MalformedURLException e) {
                throw new IllegalArgumentException(e);
            }
        }
        return urls;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (name.startsWith("java.") || name.startsWith("javax.net.") || name.startsWith("dev.mizzen.agent.")) {
            return super.loadClass(name, resolve);
        }
        synchronized (getClassLoadingLock(name)) {
            Class<?> c = findLoadedClass(name);
            if (c == null) {
                byte[] bytes = bytes(this, name.replace('.', '/') + ".class");
                if (bytes == null) {
                    return super.loadClass(name, resolve);
                }
                byte[] woven = new Weaver(true).transform(this, name.replace('.', '/'), null, null, bytes);
                byte[] defined = woven == null ? bytes : woven;
                c = defineClass(name, defined, 0, defined.length);
            }
            return c;
        }
    }

    static byte[] bytes(ClassLoader loader, String path) {
        URL url = loader instanceof URLClassLoader ? ((URLClassLoader) loader).findResource(path) : loader.getResource(path);
        if (url == null) {
            return null;
        }
        try (InputStream in = url.openStream()) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            byte[] b = new byte[8192];
            for (int n; (n = in.read(b)) > 0;) {
                out.write(b, 0, n);
            }
            return out.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
