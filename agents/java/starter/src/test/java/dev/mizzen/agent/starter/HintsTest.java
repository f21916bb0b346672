package dev.mizzen.agent.starter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.boot.json.JsonParserFactory;
import org.springframework.core.io.ClassPathResource;
import org.springframework.util.ClassUtils;
import org.springframework.util.StreamUtils;

/** The hints for native images name what exists. */
final class HintsTest {
    private static List<Object> read(String name) throws IOException {
        String path = "META-INF/native-image/dev.mizzen/mizzen-spring-cloud-starter/" + name;
        return JsonParserFactory.getJsonParser().parseList(StreamUtils.copyToString(new ClassPathResource(path).getInputStream(), StandardCharsets.UTF_8));
    }

    @Test
    void proxiesAreOfInterfaces() throws Exception {
        for (Object entry : read("proxy-config.json")) {
            reachable(entry);
            for (Object type : (List<?>) ((Map<?, ?>) entry).get("interfaces")) {
                assertTrue(Class.forName((String) type).isInterface());
            }
        }
    }

    @Test
    void methodsExist() throws Exception {
        List<String> absent = new ArrayList<>();
        for (Object entry : read("reflect-config.json")) {
            reachable(entry);
            String name = (String) ((Map<?, ?>) entry).get("name");
            if (!ClassUtils.isPresent(name, null)) {
                absent.add(name);
                continue;
            }
            Object methods = ((Map<?, ?>) entry).get("methods");
            for (Object method : methods == null ? Arrays.asList() : (List<?>) methods) {
                List<Class<?>> parameters = new ArrayList<>();
                for (Object p : (List<?>) ((Map<?, ?>) method).get("parameterTypes")) {
                    parameters.add(ClassUtils.forName((String) p, null));
                }
                Class.forName(name).getMethod((String) ((Map<?, ?>) method).get("name"), parameters.toArray(new Class<?>[0]));
            }
        }
        assertEquals(Arrays.asList("org.springframework.http.HttpStatusCode"), absent, "only Spring 6 and later have it");
    }

    private static void reachable(Object entry) throws ClassNotFoundException {
        Class.forName((String) ((Map<?, ?>) ((Map<?, ?>) entry).get("condition")).get("typeReachable"), false, HintsTest.class.getClassLoader());
    }
}
