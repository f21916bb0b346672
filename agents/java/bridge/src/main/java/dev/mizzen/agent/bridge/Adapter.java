package dev.mizzen.agent.bridge;

/** What the agent does at one hooked method of a library. An adapter sees the classes of one application. */
public interface Adapter {
    /** The result of the call, or null if the application's own code is to run. */
    default Object before(Object self, Object a, Object b, Object c) throws Throwable {
        return null;
    }

    /** The result of the call in place of the one that the application's own code gave. */
    default Object after(Object result, Object self, Object a, Object b) {
        return result;
    }
}
