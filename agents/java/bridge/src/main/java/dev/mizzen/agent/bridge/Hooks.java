package dev.mizzen.agent.bridge;

/** What happens at the hooked methods; see {@link Bridge}. */
public interface Hooks {
    Object before(int hook, Object self, Object a, Object b, Object c) throws Throwable;

    Object after(int hook, Object result, Object self, Object a, Object b);
}
