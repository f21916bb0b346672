package dev.mizzen.agent.starter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.mizzen.agent.bridge.Service;
import dev.mizzen.agent.core.Config;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.springframework.boot.env.YamlPropertySourceLoader;
import org.springframework.boot.json.JsonParserFactory;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.core.env.SystemEnvironmentPropertySource;
import org.springframework.core.io.ByteArrayResource;
import org.springframework.core.io.ClassPathResource;
import org.springframework.util.StreamUtils;

final class SettingsTest {
    private final StandardEnvironment environment = new StandardEnvironment();

    private Config yaml(String text) throws IOException {
        environment.getPropertySources().addLast(new YamlPropertySourceLoader().load("application", new ByteArrayResource(text.getBytes(StandardCharsets.UTF_8))).get(0));
        return Settings.read(environment);
    }

    @Test
    void areOfTheApplicationsYaml() throws IOException {
        Config config = yaml("mizzen:\n  wait: 5s\n  state.max-age: 1h\n  log: debug\nmizzen.mode: merge\nmizzen.mode.orders: registry-first\n");
        assertEquals(5_000_000_000L, config.wait);
        assertEquals(3_600_000_000_000L, config.stateMaxAge);
        assertTrue(config.debug && config.agent);
        assertEquals(Service.Mode.MERGE, config.mode("stock"));
        assertEquals(Service.Mode.REGISTRY_FIRST, config.mode("orders"));
    }

    @Test
    void offIsABooleanInYaml() throws IOException {
        Config config = yaml("mizzen:\n  agent: off\n  mode: off\n");
        assertFalse(config.agent);
        assertEquals(Service.Mode.OFF, config.mode("orders"));
    }

    @Test
    void environmentVariablesWinOverYaml() throws IOException {
        environment.getPropertySources().addFirst(new SystemEnvironmentPropertySource("test-systemEnvironment", Collections.singletonMap("MIZZEN_STATE_MAX_AGE", "2h")));
        assertEquals(7_200_000_000_000L, yaml("mizzen.state.max-age: 1h").stateMaxAge);
    }

    @Test
    void theBootstrapCanBeAProperty() {
        assertNull(Settings.read(environment).bootstrap);
        environment.getPropertySources().addLast(new MapPropertySource("test", Collections.singletonMap("GRPC_XDS_BOOTSTRAP_CONFIG", StarterTest.bootstrap(4711))));
        assertEquals("127.0.0.1:4711", Settings.read(environment).bootstrap.servers.get(0).address());
    }

    /** A control plane offers TLS only to clients that declare certificates. */
    @Test
    void certificatesAreNotDeclared() {
        String providers = ", \"certificate_providers\": {\"default\": {\"plugin_name\": \"file_watcher\", \"config\": {\"ca_certificate_file\": \"/ca.pem\"}}}}";
        environment.getPropertySources().addLast(new MapPropertySource("test", Collections.singletonMap("GRPC_XDS_BOOTSTRAP_CONFIG",
                StarterTest.bootstrap(4711).replaceFirst("}$", providers))));
        byte[] node = Settings.read(environment).bootstrap.node("1");
        assertFalse(new String(node, StandardCharsets.ISO_8859_1).contains("CERTIFICATE_PROVIDERS"));
    }

    /** Each documented property is one that the core reads. */
    @Test
    void metadataNameSettings() throws IOException {
        TreeSet<String> read = new TreeSet<>(), named = new TreeSet<>();
        Config.read(Collections.emptyMap(), new Properties() {
            private static final long serialVersionUID = 1;

            @Override
            public String getProperty(String key) {
                read.add(key);
                return null;
            }
        }).mode("orders");
        for (Object property : (List<?>) json("META-INF/spring-configuration-metadata.json").get("properties")) {
            named.add((String) ((Map<?, ?>) property).get("name"));
        }
        assertTrue(named.contains("mizzen.mode") && read.containsAll(named), "named: " + named + ", read: " + read);
    }

    static Map<String, Object> json(String path) throws IOException {
        return JsonParserFactory.getJsonParser().parseMap(StreamUtils.copyToString(new ClassPathResource(path).getInputStream(), StandardCharsets.UTF_8));
    }
}
