package dev.mizzen.agent.starter;

import dev.mizzen.agent.adapters.ServletLane;
import dev.mizzen.agent.bridge.Mesh;
import java.io.IOException;
import javax.servlet.Filter;
import javax.servlet.FilterChain;
import javax.servlet.ServletException;
import javax.servlet.ServletRequest;
import javax.servlet.ServletResponse;
import javax.servlet.http.HttpServletRequest;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;

/** The lanes of requests that a servlet container of Java EE serves. */
@Configuration(proxyBeanMethods = false)
@ConditionalOnClass(name = "javax.servlet.Filter")
public class JavaxLaneConfiguration {
    @Bean
    public static LaneFilter mizzenJavaxLaneFilter(Starter starter) {
        return new LaneFilter(starter.mesh());
    }

    static final class LaneFilter implements Filter, Ordered {
        private final ServletLane lane;

        LaneFilter(Mesh mesh) {
            lane = mesh == null ? null : new ServletLane(mesh);
        }

        @Override
        public int getOrder() {
            return HIGHEST_PRECEDENCE;
        }

        @Override
        public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain) throws IOException, ServletException {
            if (lane == null || !(request instanceof HttpServletRequest)) {
                chain.doFilter(request, response);
                return;
            }
            lane.before(null, request, response, null);
            try {
                chain.doFilter(request, response);
            } finally {
                lane.after(null, null, request, response);
            }
        }
    }
}
