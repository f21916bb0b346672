package dev.mizzen.dubbo;

/** The service of the tests. */
public interface Greeter {
    /** Returns the version of the provider, and the value of the attachment that the text names. */
    String greet(String text);
}
