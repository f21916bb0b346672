package dev.mizzen.agent.starter;

import dev.mizzen.agent.adapters.FeignCalls;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.core.Log;
import feign.Capability;
import feign.Client;
import feign.Response;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.cloud.openfeign.loadbalancer.FeignBlockingLoadBalancerClient;
import org.springframework.cloud.openfeign.loadbalancer.RetryableFeignBlockingLoadBalancerClient;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;

/** OpenFeign: the clients that balance, wherever they are defined. */
@Configuration(proxyBeanMethods = false)
@ConditionalOnClass(name = {"feign.Capability", "org.springframework.cloud.openfeign.loadbalancer.FeignBlockingLoadBalancerClient"})
public class FeignConfiguration {
    @Bean
    public static Balanced mizzenCapability(ObjectProvider<Starter> starter) {
        return new Balanced(starter);
    }

    /** Feign finds the method by its name. */
    public static final class Balanced implements Capability, Ordered {
        private static final AtomicBoolean SAID = new AtomicBoolean();
        private final ObjectProvider<Starter> starter;

        Balanced(ObjectProvider<Starter> starter) {
            this.starter = starter;
        }

        /** First: other capabilities wrap the client. */
        @Override
        public int getOrder() {
            return HIGHEST_PRECEDENCE;
        }

        @Override
        public Client enrich(Client own) {
            Client delegate = own instanceof FeignBlockingLoadBalancerClient ? ((FeignBlockingLoadBalancerClient) own).getDelegate()
                    : own instanceof RetryableFeignBlockingLoadBalancerClient ? ((RetryableFeignBlockingLoadBalancerClient) own).getDelegate() : null;
            Mesh mesh = starter.getObject().mesh();
            if (delegate == null || mesh == null) {
                return own;
            }
            if (delegate instanceof Client.Default && !Boolean.getBoolean("sun.net.http.allowRestrictedHeaders") && SAID.compareAndSet(false, true)) {
                Log.info("OpenFeign uses HttpURLConnection, which does not send a rewritten authority. Set -Dsun.net.http.allowRestrictedHeaders=true if rules rewrite it");
            }
            FeignCalls calls = new FeignCalls(mesh);
            return (request, options) -> {
                try {
                    Object response = calls.before(own, request, options, null);
                    return response != null ? (Response) response : own.execute(request, options);
                } catch (IOException | RuntimeException e) {
                    throw e;
                } catch (Exception e) {
                    throw new IOException(e);
                }
            };
        }
    }
}
