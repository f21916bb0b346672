package dev.mizzen.agent.core.xds;

import java.security.AccessController;
import java.security.PrivilegedAction;

/** Makes threads of the agent. They keep nothing of the caller, which is a call of the application: neither its loader nor its access control context. */
final class Daemon implements PrivilegedAction<Thread> {
    private final String name;
    private final Runnable work;

    private Daemon(String name, Runnable work) {
        this.name = name;
        this.work = work;
    }

    static Thread of(String name, Runnable work) {
        return AccessController.doPrivileged(new Daemon(name, work));
    }

    @Override
    public Thread run() {
        Thread t = new Thread(null, work, name, 0);
        t.setDaemon(true);
        t.setContextClassLoader(null);
        return t;
    }
}
