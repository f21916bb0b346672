package dev.mizzen.dubbo;

import java.net.ServerSocket;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;
import org.apache.dubbo.rpc.RpcContext;
import org.apache.dubbo.rpc.RpcException;
import org.apache.dubbo.rpc.model.FrameworkModel;

/** A provider of Dubbo as applications write it, which knows nothing of the mesh. */
final class Provider implements Greeter, AutoCloseable {
    final String version;
    final int port;
    final AtomicInteger calls = new AtomicInteger();
    private final FrameworkModel framework = new FrameworkModel();

    Provider(String version) throws Exception {
        this.version = version;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        ServiceConfig<Greeter> service = new ServiceConfig<>();
        service.setInterface(Greeter.class);
        service.setRef(this);
        ApplicationConfig application = new ApplicationConfig("provider-" + version);
        application.setQosEnable(false);
        DubboBootstrap.getInstance(framework.newApplication()).application(application).registry(new RegistryConfig("N/A"))
                .protocol(new ProtocolConfig("tri", port)).service(service).start();
    }

    @Override
    public String greet(String text) {
        calls.incrementAndGet();
        if (text.startsWith("slow ")) {
            try {
                Thread.sleep(Long.parseLong(text.substring(5))); // the work that the call stands for
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        if (text.startsWith("fail ")) {
            throw new RpcException(text);
        }
        String attachment = RpcContext.getServerAttachment().getAttachment(text);
        return attachment == null ? version : version + " got " + attachment;
    }

    /** How its endpoint is written for {@link Plane#service}. */
    String endpoint() {
        return port + "=" + version;
    }

    @Override
    public void close() {
        framework.destroy();
    }
}
