package dev.mizzen.agent.starter;

import dev.mizzen.agent.core.Config;
import dev.mizzen.agent.core.Log;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.springframework.core.env.Environment;

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
                return unquoted(environment.getProperty(key));
            }
        });
        if (config.bootstrap != null && !config.bootstrap.providers.isEmpty()) {
            // Only the agent can give them to client libraries. What is not declared is not offered: the control plane has the calls fail.
            config.bootstrap.providers.clear();
            Log.info("the certificate providers of the bootstrap are not used: mizzen-spring-cloud-starter cannot encrypt. Calls that need it fail. Use the agent");
        }
        return config;
    }

    /** In YAML, on and off without quotes are booleans. No setting has the values true and false. */
    private static String unquoted(String value) {
        return "true".equals(value) ? "on" : "false".equals(value) ? "off" : value;
    }
}
