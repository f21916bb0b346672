package dev.mizzen.agent.starter;

import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.core.Log;
import java.util.function.BiFunction;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanPostProcessor;

/** Replaces the beans of a type by ones that follow the mesh. */
public final class Following<T> implements BeanPostProcessor {
    private final Class<T> type;
    private final ObjectProvider<Starter> starter;
    private final BiFunction<T, Mesh, T> meshed;

    /** @param meshed makes a bean that follows the mesh of the application's own one */
    Following(Class<T> type, ObjectProvider<Starter> starter, BiFunction<T, Mesh, T> meshed) {
        this.type = type;
        this.starter = starter;
        this.meshed = meshed;
    }

    @Override
    public Object postProcessAfterInitialization(Object bean, String name) {
        if (!type.isInstance(bean)) {
            return bean;
        }
        Mesh mesh = starter.getObject().mesh();
        if (mesh == null) {
            return bean;
        }
        if (!type.isInterface() && bean.getClass() != type) { // it may be injected by its own type
            Log.info("the bean " + name + " is a " + bean.getClass().getName() + ", which cannot be replaced; its calls do not follow the mesh. Use the agent");
            return bean;
        }
        return meshed.apply(type.cast(bean), mesh);
    }
}
