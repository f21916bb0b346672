package dev.mizzen.agent.core.xds;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class LastGoodTest {
    /** JVMs of one application may share the directory: a reader sees what one of them wrote, whole. */
    @Test
    void isReplacedAsAWhole(@TempDir Path dir) throws Exception {
        byte[][] texts = {new byte[300_000], new byte[700_000]};
        Arrays.fill(texts[1], (byte) 1);
        File file = dir.resolve("app.mizzen").toFile();
        CountDownLatch written = new CountDownLatch(2);
        for (byte[] text : texts) {
            LastGood one = LastGood.open(dir.toString(), "app", Long.MAX_VALUE);
            one.write(text);
            Thread writer = new Thread(() -> {
                for (int i = 0; i < 50; i++) {
                    one.write(text);
                }
                written.countDown();
            });
            writer.start();
        }
        do {
            byte[] read = Files.readAllBytes(file.toPath());
            assertTrue(Arrays.equals(texts[0], read) || Arrays.equals(texts[1], read), "a mixture of " + read.length + " bytes");
        } while (written.getCount() > 0);
        assertEquals(1, dir.toFile().list().length, () -> Arrays.toString(dir.toFile().list()));
    }
}
