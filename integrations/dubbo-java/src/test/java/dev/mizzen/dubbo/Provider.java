package dev.mizzen.dubbo;

import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Paths;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;
import org.apache.dubbo.rpc.RpcContext;

/** A provider of Dubbo as applications write it, which knows nothing of the mesh, in a process of its own. */
final class Provider implements AutoCloseable {
    final String version;
    final int port;
    private final Process process;

    Provider(String version) throws Exception {
        this.version = version;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        process = new ProcessBuilder(Paths.get(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                Provider.class.getName(), version, String.valueOf(port)).redirectError(File.createTempFile("provider", ".log", new File("target"))).start();
    }

    /** Waits until calls are answered. */
    Provider ready() throws Exception {
        BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        for (String line; (line = out.readLine()) != null; ) {
            if (line.equals("ready")) {
                return this;
            }
        }
        throw new AssertionError("the provider " + version + " ends: see target/provider*.log");
    }

    /** How its endpoint is written for {@link Plane#service}. */
    String endpoint() {
        return port + "=" + version;
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    public static void main(String[] args) throws Exception {
        ServiceConfig<Greeter> service = new ServiceConfig<>();
        service.setInterface(Greeter.class);
        service.setRef(new Answers(args[0]));
        ApplicationConfig application = new ApplicationConfig("provider-" + args[0]);
        application.setQosEnable(false);
        DubboBootstrap.getInstance().application(application).registry(new RegistryConfig("N/A")).protocol(new ProtocolConfig("tri", Integer.parseInt(args[1]))).service(service).start();
        System.out.println("ready");
        Thread.currentThread().join();
    }

    private static final class Answers implements Greeter {
        private final String version;
        private final AtomicInteger slow = new AtomicInteger();

        Answers(String version) {
            this.version = version;
        }

        @Override
        public String greet(String text) {
            if (text.startsWith("slow " + version)) {
                slow.incrementAndGet();
                try {
                    Thread.sleep(3000); // the work that the call stands for
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                slow.decrementAndGet();
                return version;
            }
            if (text.equals("how many slow")) {
                return version + " " + slow.get();
            }
            if (text.equals("fail")) {
                throw new IllegalArgumentException(text);
            }
            String attachment = RpcContext.getServerAttachment().getAttachment(text);
            return attachment == null ? version : version + " got " + attachment;
        }
    }
}
