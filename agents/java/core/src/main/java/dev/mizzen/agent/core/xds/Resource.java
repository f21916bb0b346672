package dev.mizzen.agent.core.xds;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** A resource that is subscribed to, and what the control plane said about it. It is guarded by its client. */
public final class Resource {
    /** What depends on resources. It is called with the client locked. */
    public interface Follower {
        void changed();
    }

    public final Kind kind;
    public final String name;
    final List<Follower> followers = new ArrayList<>(1);
    /** The decoded resource; null if there is none. */
    Object value;
    /** The bytes of the value. */
    public byte[] raw;
    /** The control plane has answered: with a value, or that there is none, or with something that was refused. */
    boolean answered;
    /** Why the newest answer was refused; null if it was not. */
    public String refusal;
    /** When it was first requested on this stream; 0 if it was not. */
    long askedAt;
    /** When a resource of the last-good file was known to be good, in wall-clock milliseconds. */
    long goodAt;
    /** What its user keeps with it, as long as it is subscribed to. */
    public Object attachment;
    /** A whole response came without it. */
    boolean missed;

    Resource(Kind kind, String name) {
        this.kind = kind;
        this.name = name;
    }

    public Object value() {
        return value;
    }

    public boolean answered() {
        return answered;
    }

    /** Tells each follower once. */
    static void tell(List<Resource> changed) {
        Set<Follower> told = new HashSet<>();
        for (Resource r : changed) {
            for (Follower f : new ArrayList<>(r.followers)) {
                if (told.add(f)) {
                    f.changed();
                }
            }
        }
    }
}
