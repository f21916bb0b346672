package dev.mizzen.dubbo;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Which references of an application follow the mesh, by their directories, and what each of them follows. */
public final class References {
    private final Map<Object, Followed> byDirectory = new ConcurrentHashMap<>();

    void put(Object directory, Followed service) {
        byDirectory.put(directory, service);
    }

    void remove(Object directory) {
        byDirectory.remove(directory);
    }

    /** Null if the directory is of another registry. */
    Followed get(Object directory) {
        return byDirectory.get(directory);
    }
}
