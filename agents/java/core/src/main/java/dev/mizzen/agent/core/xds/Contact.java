package dev.mizzen.agent.core.xds;

import dev.mizzen.agent.core.Log;
import dev.mizzen.agent.core.wire.Connection;
import java.io.EOFException;
import java.util.HashSet;
import java.util.Set;

/** Whether the control plane serves this client, and what the operator was told about that. It is guarded by its client. */
final class Contact {
    /** How many problems are reported before the control plane is back. */
    private static final int MAX_PROBLEMS = 4;

    private final Client client;
    /** How long a stream must last after one that was broken. */
    private final long lasting;
    private String problem = "";
    /** The problems that were reported since the control plane was last there, without their numbers. */
    private final Set<String> reported = new HashSet<>();
    /** When the stream began. */
    private long began;
    /** The stream ended as streams do: by its server, or by the network. */
    private boolean inOrder;
    /** The stream before this one brought a response, and soon something that ended it. */
    private boolean broken;
    private boolean responded;
    /** The operator knows that the control plane is there. */
    private boolean told;

    Contact(Client client, long lasting) {
        this.client = client;
        this.lasting = lasting;
    }

    String problem() {
        return problem;
    }

    boolean isBroken() {
        synchronized (client) {
            return broken;
        }
    }

    /** A stream begins. */
    void begins(long now) {
        began = now;
        inOrder = false;
        responded = false;
    }

    /** The first response of the stream came. */
    void responded(String server) {
        responded = true;
        if (!broken) {
            recovered(server);
        }
    }

    /** After a stream that was broken the next one must last: it may break at the same response. Returns when to call again. */
    long tick(long now, String server) {
        if (broken && responded && isLasting(now)) {
            recovered(server);
        }
        return broken && responded ? began + lasting : now + Client.NEVER;
    }

    private boolean isLasting(long now) {
        return now - began >= lasting;
    }

    private void recovered(String server) {
        broken = false;
        problem = "";
        reported.clear();
        if (!told) {
            told = true;
            Log.info("control plane " + server + ": connected");
        }
    }

    /** What ended the stream. */
    void failed(Throwable e) {
        synchronized (client) {
            inOrder = e instanceof Connection.Moved || e instanceof EOFException;
        }
    }

    /** The stream ended. Reports whether it served, so that another one may begin at once. */
    boolean ended(boolean responded, long now) {
        boolean served = responded && (inOrder || isLasting(now));
        broken = responded && !served;
        return served;
    }

    /** Says once why there is no control plane. One that fails in a new way each time must not fill the log. */
    void problem(String address, String why, boolean known) {
        synchronized (client) {
            problem = "control plane " + address + ": " + why;
            told = false;
            if (reported.size() < MAX_PROBLEMS && reported.add(problem.replaceAll("[0-9]+", ""))) {
                Log.info(problem + (known ? "; what is known stays in effect; trying again" : "; nothing is known yet; trying again. Check the bootstrap"));
            }
        }
    }
}
