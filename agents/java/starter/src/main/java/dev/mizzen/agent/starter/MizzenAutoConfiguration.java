package dev.mizzen.agent.starter;

import dev.mizzen.agent.core.Log;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingClass;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.core.env.Environment;

/**
 * Has the application follow the mesh. The imported configurations are to the libraries what the agent's hooks are: each puts an adapter of the agent in front
 * of the library's own bean. No condition depends on settings: an application that was processed ahead of time reads them when it starts.
 */
@Configuration(proxyBeanMethods = false)
@Import({MizzenAutoConfiguration.Supported.class, MizzenAutoConfiguration.Unsupported.class})
public class MizzenAutoConfiguration {
    static final String GENERATION = "org.springframework.cloud.client.loadbalancer.LoadBalancerClientsProperties";

    /** Spring Cloud 2021.0 and later. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(name = GENERATION)
    @Import({RestConfiguration.class, WebConfiguration.class, FeignConfiguration.class, GatewayConfiguration.class, DiscoveryConfiguration.class,
            BalancerConfiguration.class, JakartaLaneConfiguration.class, JavaxLaneConfiguration.class, ReactiveLaneConfiguration.class})
    public static class Supported {
        @Bean
        public static Starter mizzen(Environment environment) {
            return new Starter(environment);
        }
    }

    /** Anything else. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnMissingClass(GENERATION)
    public static class Unsupported {
        public Unsupported() {
            Log.info("mizzen-spring-cloud-starter needs Spring Cloud 2021.0 or later; the application runs without the mesh. Use the agent");
        }
    }
}
