package dev.mizzen.agent.hook;

import dev.mizzen.agent.core.Log;
import java.lang.instrument.ClassFileTransformer;
import java.security.ProtectionDomain;
import java.util.HashSet;
import java.util.Set;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Label;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;

/** Puts the calls of the bridge into the methods of the table. It loads no class of the application. */
final class Weaver implements ClassFileTransformer {
    private static final String BRIDGE = "dev/mizzen/agent/bridge/Bridge", O = "Ljava/lang/Object;";
    private static final String BEFORE = "(" + O + O + O + O + "I)" + O;
    private final Set<String> types = new HashSet<>();
    private final boolean plain;

    /** @param plain whether clients without a balancer are hooked, too */
    Weaver(boolean plain) {
        this.plain = plain;
        for (Hook hook : Hook.TABLE) {
            if (plain || !hook.plain) {
                types.add(hook.type);
            }
        }
    }

    @Override
    public byte[] transform(ClassLoader loader, String name, Class<?> redefined, ProtectionDomain domain, byte[] bytes) {
        if (name == null || loader == null && !plain || !types.contains(name)) {
            return null;
        }
        try {
            return weave(name, bytes);
        } catch (Throwable e) {
            Log.info(name.replace('/', '.') + " cannot be hooked: " + e + "; it is left alone, so its calls do not follow the mesh. A newer agent may know this class file");
            return null;
        }
    }

    /** Null if the class has no method of the table. */
    private byte[] weave(String name, byte[] bytes) {
        ClassReader reader = new ClassReader(bytes);
        ClassWriter writer = new ClassWriter(reader, ClassWriter.COMPUTE_MAXS);
        boolean[] woven = new boolean[1];
        reader.accept(new ClassVisitor(Opcodes.ASM9, writer) {
            @Override
            public MethodVisitor visitMethod(int access, String method, String descriptor, String signature, String[] exceptions) {
                MethodVisitor m = super.visitMethod(access, method, descriptor, signature, exceptions);
                for (int i = 0; i < Hook.TABLE.size(); i++) {
                    Hook hook = Hook.TABLE.get(i);
                    if ((plain || !hook.plain) && hook.type.equals(name) && hook.method.equals(method) && hook.descriptor.equals(descriptor)) {
                        woven[0] = true;
                        m = hook.before ? new Before(m, i, descriptor) : new After(m, i, hook, (access & Opcodes.ACC_STATIC) != 0);
                    }
                }
                return m;
            }
        }, 0);
        return woven[0] ? writer.toByteArray() : null;
    }

    /** At the start of a method: if the bridge has a result, return it. */
    private static final class Before extends MethodVisitor {
        private final int hook;
        private final String descriptor;

        Before(MethodVisitor m, int hook, String descriptor) {
            super(Opcodes.ASM9, m);
            this.hook = hook;
            this.descriptor = descriptor;
        }

        @Override
        public void visitCode() {
            super.visitCode();
            visitVarInsn(Opcodes.ALOAD, 0);
            arguments(mv, descriptor, 3, 1);
            number(mv, hook);
            visitMethodInsn(Opcodes.INVOKESTATIC, BRIDGE, "before", BEFORE, false);
            if (Type.getReturnType(descriptor) == Type.VOID_TYPE) {
                visitInsn(Opcodes.POP);
                return;
            }
            visitInsn(Opcodes.DUP);
            Label own = new Label();
            visitJumpInsn(Opcodes.IFNULL, own);
            visitTypeInsn(Opcodes.CHECKCAST, Type.getReturnType(descriptor).getInternalName());
            visitInsn(Opcodes.ARETURN);
            visitLabel(own);
            visitFrame(Opcodes.F_SAME1, 0, null, 1, new Object[] {"java/lang/Object"});
            visitInsn(Opcodes.POP);
        }
    }

    /** At the returns of a method: return what the bridge makes of the result. At its end also if it throws. A static method has its result in place of this. */
    private static final class After extends MethodVisitor {
        private final int hook;
        private final String type, descriptor;
        /** Null if the bridge is not called when the method throws. */
        private final Label start;
        private final boolean isStatic;

        After(MethodVisitor m, int number, Hook hook, boolean isStatic) {
            super(Opcodes.ASM9, m);
            this.hook = number;
            this.type = hook.type;
            this.descriptor = hook.descriptor;
            this.start = hook.always ? new Label() : null;
            this.isStatic = isStatic;
        }

        @Override
        public void visitCode() {
            super.visitCode();
            if (start != null) {
                super.visitLabel(start);
            }
        }

        @Override
        public void visitMaxs(int stack, int locals) {
            if (start != null) {
                Label handler = new Label();
                super.visitTryCatchBlock(start, handler, handler, null);
                super.visitLabel(handler);
                super.visitFrame(Opcodes.F_FULL, 1, new Object[] {type}, 1, new Object[] {"java/lang/Throwable"});
                super.visitInsn(Opcodes.ACONST_NULL);
                super.visitVarInsn(Opcodes.ALOAD, 0);
                arguments(mv, "()V", 2, 1);
                number(mv, hook);
                super.visitMethodInsn(Opcodes.INVOKESTATIC, BRIDGE, "after", BEFORE, false);
                super.visitInsn(Opcodes.POP);
                super.visitInsn(Opcodes.ATHROW);
            }
            super.visitMaxs(stack, locals);
        }

        @Override
        public void visitInsn(int opcode) {
            if (opcode == Opcodes.ARETURN || opcode == Opcodes.RETURN) {
                if (opcode == Opcodes.RETURN) {
                    super.visitInsn(Opcodes.ACONST_NULL);
                }
                if (isStatic) {
                    super.visitInsn(Opcodes.DUP);
                } else {
                    visitVarInsn(Opcodes.ALOAD, 0);
                }
                arguments(mv, descriptor, 2, isStatic ? 0 : 1);
                number(mv, hook);
                visitMethodInsn(Opcodes.INVOKESTATIC, BRIDGE, "after", BEFORE, false);
                if (opcode == Opcodes.RETURN) {
                    super.visitInsn(Opcodes.POP);
                } else {
                    visitTypeInsn(Opcodes.CHECKCAST, Type.getReturnType(descriptor).getInternalName());
                }
            }
            super.visitInsn(opcode);
        }
    }

    /** The first arguments, which begin at a local variable, or null where there are fewer. */
    private static void arguments(MethodVisitor m, String descriptor, int count, int first) {
        int given = Type.getArgumentTypes(descriptor).length;
        for (int i = 0; i < count; i++) {
            if (i < given) {
                m.visitVarInsn(Opcodes.ALOAD, first + i);
            } else {
                m.visitInsn(Opcodes.ACONST_NULL);
            }
        }
    }

    private static void number(MethodVisitor m, int n) {
        m.visitIntInsn(Opcodes.BIPUSH, n);
    }
}
