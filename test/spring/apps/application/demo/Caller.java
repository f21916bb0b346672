package demo;

/** One of Spring's HTTP clients. */
interface Caller {
    /** The name that a test uses. */
    String name();

    /** Makes one call, and fills in what came back. An exception means that there is no response. */
    void call(Call call, Outcome outcome) throws Exception;
}
