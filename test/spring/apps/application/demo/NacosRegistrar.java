package demo;

import com.alibaba.nacos.api.exception.NacosException;
import com.alibaba.nacos.api.naming.NamingFactory;
import com.alibaba.nacos.api.naming.NamingService;
import com.alibaba.nacos.api.naming.pojo.Instance;
import java.util.Collections;
import java.util.Properties;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** Registers instances of other programs in Nacos, as their own clients would. Only in applications with Nacos. */
@RestController
class NacosRegistrar {
    private final NamingService naming;

    NacosRegistrar(@Value("${spring.cloud.nacos.discovery.server-addr}") String server) throws NacosException {
        Properties properties = new Properties();
        properties.put("serverAddr", server);
        properties.put("username", "nacos");
        properties.put("password", "nacos");
        naming = NamingFactory.createNamingService(properties);
    }

    @PostMapping("/register")
    void register(@RequestParam("service") String service, @RequestParam("ip") String ip, @RequestParam("port") int port,
            @RequestParam("version") String version) throws NacosException {
        Instance instance = new Instance();
        instance.setIp(ip);
        instance.setPort(port);
        instance.setMetadata(Collections.singletonMap("version", version));
        naming.registerInstance(service, instance);
    }
}
