package dev.mizzen.agent.starter;

import dev.mizzen.agent.core.Config;
import dev.mizzen.agent.core.Log;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.EnumerablePropertySource;
import org.springframework.core.env.Environment;
import org.springframework.core.env.PropertySource;

/** The settings in Spring's Environment, which has system properties and environment variables among its sources. */
final class Settings {
    /** What tells where the control plane is. */
    private static final String[] BOOTSTRAP = {"GRPC_XDS_BOOTSTRAP", "GRPC_XDS_BOOTSTRAP_CONFIG"};

    private Settings() {
    }

    static Config read(Environment environment) {
        Map<String, String> variables = new HashMap<>(System.getenv());
        for (String name : BOOTSTRAP) {
            String value = environment.getProperty(name);
            if (value != null) {
                variables.put(name, value);
            }
        }
        Config config = Config.read(variables, new Properties() {
            private static final long serialVersionUID = 1;

            @Override
            public String getProperty(String key) {
                return environment.getProperty(key);
            }

            @Override
            public Set<String> stringPropertyNames() {
                return names(environment);
            }
        });
        if (config.bootstrap != null && config.bootstrap.dropProviders()) {
            Log.info("the certificate providers of the bootstrap are not used: mizzen-spring-cloud-starter cannot encrypt. Calls that need it fail. Use the agent");
        }
        return config;
    }

    /** The names of all properties whose sources can list them. */
    private static Set<String> names(Environment environment) {
        Set<String> names = new HashSet<>();
        if (environment instanceof ConfigurableEnvironment) {
            for (PropertySource<?> source : ((ConfigurableEnvironment) environment).getPropertySources()) {
                if (source instanceof EnumerablePropertySource) {
                    names.addAll(Arrays.asList(((EnumerablePropertySource<?>) source).getPropertyNames()));
                }
            }
        }
        return names;
    }
}
