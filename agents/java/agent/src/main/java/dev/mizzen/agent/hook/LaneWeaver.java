package dev.mizzen.agent.hook;

import dev.mizzen.agent.bridge.Lane;
import dev.mizzen.agent.core.Log;
import java.io.IOException;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.lang.management.ManagementFactory;
import java.security.ProtectionDomain;
import java.util.jar.JarFile;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Label;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;

/** Puts calls of {@link Lane} into the JDK's thread pools and tasks. */
final class LaneWeaver implements ClassFileTransformer {
    private static final String LANE = "dev/mizzen/agent/bridge/Lane", POOLS = "java/util/concurrent/", RUNNABLE = "Ljava/lang/Runnable;";
    private static final String OTHER_AGENT = "io.opentelemetry.javaagent.OpenTelemetryAgent";

    /** Type, method, and the method of Lane that is woven into it. A JDK that does not have one of them is left alone there. */
    private static final String[][] TABLE = {
        {POOLS + "FutureTask", "<init>", "made"},
        {POOLS + "FutureTask", "run", "begin"}, // periodic tasks run by runAndReset: they belong to no request
        {POOLS + "ForkJoinTask", "<init>", "made"},
        {POOLS + "ForkJoinTask", "doExec", "begin"},
        {POOLS + "CompletableFuture$AsyncSupply", "run", "begin"},
        {POOLS + "CompletableFuture$AsyncRun", "run", "begin"},
        {POOLS + "CompletableFuture$Completion", "run", "begin"},
        {POOLS + "ThreadPoolExecutor", "execute", "queued"},
        {POOLS + "ThreadPoolExecutor", "reject", "taken"},
        {POOLS + "ThreadPoolExecutor", "remove", "removed"},
        {POOLS + "ThreadPoolExecutor", "runWorker", "run"},
        {"java/lang/ThreadBuilders", "newVirtualThread", "carried"},
    };

    /** The classes are all of one JDK: what is wrong with one of them is wrong with the others. */
    private boolean reported;

    LaneWeaver() {
    }

    /** Has lanes carried through thread pools, unless another agent carries baggage. */
    static void start(Instrumentation jvm) {
        if (otherAgent()) {
            Log.info("mizzen.lane.threads has no effect: OpenTelemetry's agent carries baggage through thread pools");
            return;
        }
        Lane.start();
        jvm.addTransformer(new LaneWeaver(), true);
        for (String[] row : TABLE) {
            try {
                Class<?> type = Class.forName(row[0].replace('/', '.'), false, null);
                jvm.retransformClasses(type);
            } catch (ClassNotFoundException e) {
                Log.debug("this JDK has no " + row[0]);
            } catch (Exception | LinkageError e) {
                Log.info(row[0].replace('/', '.') + " cannot be hooked: " + e + "; its tasks run without a lane");
            }
        }
    }

    /** Whether this JVM has or will have an agent that carries baggage: one that is named after this one has not begun. */
    private static boolean otherAgent() {
        for (String option : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (option.startsWith("-javaagent:")) {
                String file = option.substring(option.indexOf(':') + 1);
                try (JarFile jar = new JarFile(file.indexOf('=') < 0 ? file : file.substring(0, file.indexOf('=')))) {
                    if (OTHER_AGENT.equals(jar.getManifest().getMainAttributes().getValue("Premain-Class"))) {
                        return true;
                    }
                } catch (IOException | RuntimeException e) {
                    Log.debug(option + " cannot be read: " + e);
                }
            }
        }
        return false;
    }

    @Override
    public byte[] transform(ClassLoader loader, String name, Class<?> redefined, ProtectionDomain domain, byte[] bytes) {
        if (loader != null || name == null || !(name.startsWith(POOLS) || name.startsWith("java/lang/ThreadB"))) {
            return null;
        }
        for (String[] row : TABLE) {
            if (row[0].equals(name)) {
                try {
                    return weave(name, bytes);
                } catch (Throwable e) {
                    if (!reported) {
                        reported = true;
                        Log.info(name.replace('/', '.') + " cannot be hooked: " + e + "; tasks in thread pools run without a lane");
                    }
                    return null;
                }
            }
        }
        return null;
    }

    static byte[] weave(String name, byte[] bytes) {
        ClassReader reader = new ClassReader(bytes);
        ClassWriter writer = new ClassWriter(reader, ClassWriter.COMPUTE_MAXS);
        reader.accept(new ClassVisitor(Opcodes.ASM9, writer) {
            @Override
            public MethodVisitor visitMethod(int access, String method, String descriptor, String signature, String[] exceptions) {
                MethodVisitor m = super.visitMethod(access, method, descriptor, signature, exceptions);
                for (String[] row : TABLE) {
                    if (row[0].equals(name) && row[1].equals(method)) {
                        return new Woven(m, name, descriptor, row[2]);
                    }
                }
                return m;
            }
        }, 0);
        return writer.toByteArray();
    }

    private static final class Woven extends MethodVisitor {
        private final String type, descriptor, at;
        private final Label start = new Label();

        Woven(MethodVisitor m, String type, String descriptor, String at) {
            super(Opcodes.ASM9, m);
            this.type = type;
            this.descriptor = descriptor;
            this.at = at;
        }

        private void call(String method, String descriptor) {
            super.visitMethodInsn(Opcodes.INVOKESTATIC, LANE, method, descriptor, false);
        }

        private void call(String method, int variable) {
            super.visitVarInsn(Opcodes.ALOAD, variable);
            call(method, "(Ljava/lang/Object;)V");
        }

        @Override
        public void visitCode() {
            super.visitCode();
            switch (at) {
                case "begin":
                    call("begin", 0);
                    super.visitLabel(start);
                    break;
                case "queued":
                    call("queued", 1);
                    break;
                case "taken":
                    super.visitVarInsn(Opcodes.ALOAD, 1);
                    call("taken", "(Ljava/lang/Object;)Ljava/lang/String;");
                    super.visitInsn(Opcodes.POP);
                    break;
                case "carried":
                    carried();
                    break;
                default:
            }
        }

        /** Replaces the last argument of a static method. */
        private void carried() {
            Type[] arguments = Type.getArgumentTypes(descriptor);
            int variable = 0;
            for (int i = 0; i < arguments.length - 1; i++) {
                variable += arguments[i].getSize();
            }
            if (arguments.length > 0 && arguments[arguments.length - 1].getDescriptor().equals(RUNNABLE)) {
                super.visitVarInsn(Opcodes.ALOAD, variable);
                call("carried", "(" + RUNNABLE + ")" + RUNNABLE);
                super.visitVarInsn(Opcodes.ASTORE, variable);
            }
        }

        @Override
        public void visitMethodInsn(int opcode, String owner, String method, String descriptor, boolean isInterface) {
            if (at.equals("run") && owner.equals("java/lang/Runnable") && method.equals("run")) {
                call("run", "(" + RUNNABLE + ")V");
            } else {
                super.visitMethodInsn(opcode, owner, method, descriptor, isInterface);
            }
        }

        @Override
        public void visitInsn(int opcode) {
            if (opcode >= Opcodes.IRETURN && opcode <= Opcodes.RETURN) {
                if (at.equals("made")) {
                    call("made", 0);
                } else if (at.equals("begin")) {
                    call("end", 0);
                } else if (at.equals("removed")) {
                    super.visitVarInsn(Opcodes.ALOAD, 1);
                    call("removed", "(ZLjava/lang/Object;)Z");
                }
            }
            super.visitInsn(opcode);
        }

        /** A method that throws ends, too. */
        @Override
        public void visitMaxs(int stack, int locals) {
            if (at.equals("begin")) {
                Label handler = new Label();
                super.visitTryCatchBlock(start, handler, handler, null);
                super.visitLabel(handler);
                super.visitFrame(Opcodes.F_FULL, 1, new Object[] {type}, 1, new Object[] {"java/lang/Throwable"});
                call("end", 0);
                super.visitInsn(Opcodes.ATHROW);
            }
            super.visitMaxs(stack, locals);
        }
    }
}
