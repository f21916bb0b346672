package dev.mizzen.dubbo;

import java.nio.file.Path;
import java.util.function.Consumer;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;
import org.apache.dubbo.rpc.RpcContext;
import org.apache.dubbo.rpc.model.ApplicationModel;
import org.apache.dubbo.rpc.model.FrameworkModel;

/** A consumer of Dubbo as applications write it, with the mesh as its registry. */
final class MeshConsumer implements AutoCloseable {
    /** Dubbo ends what all its frameworks share with the last one of them, and with it what the next one needs. So all consumers have one, and it stays. */
    private static final FrameworkModel FRAMEWORK = new FrameworkModel();
    private static final ApplicationModel STAYS = FRAMEWORK.newApplication();
    private final ApplicationModel model = FRAMEWORK.newApplication();
    final Greeter greeter;

    MeshConsumer(Path bootstrap, String providedBy) {
        this(bootstrap, providedBy, reference -> { });
    }

    static RegistryConfig registry(Path bootstrap) {
        return new RegistryConfig("mizzen://mesh?registry-type=service&bootstrap=" + bootstrap);
    }

    /** @param others registries beside the mesh, which is then not the default */
    MeshConsumer(Path bootstrap, String providedBy, Consumer<ReferenceConfig<Greeter>> more, RegistryConfig... others) {
        ReferenceConfig<Greeter> reference = new ReferenceConfig<>();
        reference.setInterface(Greeter.class);
        reference.setProvidedBy(providedBy);
        reference.setCheck(false);
        reference.setTimeout(20_000);
        more.accept(reference);
        ApplicationConfig application = new ApplicationConfig("consumer");
        application.setQosEnable(false);
        RegistryConfig mesh = registry(bootstrap);
        mesh.setId("mesh");
        if (others.length > 0) {
            mesh.setDefault(false);
        }
        DubboBootstrap dubbo = DubboBootstrap.getInstance(model).application(application).registry(mesh);
        for (RegistryConfig other : others) {
            dubbo.registry(other);
        }
        dubbo.reference(reference).start();
        greeter = reference.get();
    }

    /** Makes a call with attachments, as names and values. */
    String greet(String text, String... attachments) {
        for (int i = 0; i < attachments.length; i += 2) {
            RpcContext.getClientAttachment().setAttachment(attachments[i], attachments[i + 1]);
        }
        return greeter.greet(text);
    }

    @Override
    public void close() {
        model.destroy();
    }
}
